"""A workspace that fights back: the scan ends, names what it could not see, and obeys nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from airlock_sdk.testing import Outcome

SHELL = "import subprocess\nsubprocess.run(cmd, shell=True)\n"
KEY = "api_key = 'Zq8rT2wXn5LbVc7KdPf3Hj'\n"


def test_its_own_configuration_and_wishes_are_not_obeyed(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / ".bandit").write_text("[bandit]\nskips: B602\nexclude: /\n")
    (tmp_path / "pyproject.toml").write_text("[tool.bandit]\nskips = ['B602']\n")
    (tmp_path / "bandit.yaml").write_text("skips: [B602]\n")
    (tmp_path / ".secrets.baseline").write_text('{"version": "1.5.0", "plugins_used": [], "results": {}}')
    (tmp_path / "a.py").write_text(SHELL)
    (tmp_path / "b.py").write_text(SHELL.replace("True)", "True)  # nosec B602"))
    (tmp_path / "c.py").write_text("# pragma: allowlist nextline secret\n" + KEY)
    (tmp_path / "d.py").write_text("# nosec\n" + KEY.strip() + "  # pragma: allowlist secret\n")
    output = check_output(
        "security-scanner", "scan", run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    )
    found = {(one["file"], one["rule"], one["suppressed"]) for one in output["findings"]}
    assert found == {
        ("a.py", "B602", False),
        ("b.py", "B602", True),
        ("c.py", "secret-keyword", True),
        ("d.py", "secret-keyword", True),
    }
    assert output["summary"]["suppressed"] == 3


def test_hostile_files_are_named_with_the_reason_and_the_others_are_looked_at(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "good.py").write_text(SHELL)
    (tmp_path / "-").write_text(KEY)
    (tmp_path / "line\nbreak \x1b[31m.py").write_text(SHELL)
    with open(os.fsencode(tmp_path) + b"/latin-\xe9.py", "w") as file:
        file.write(SHELL)
    (tmp_path / "latin.cfg").write_bytes(b"name = caf\xe9\n" + KEY.encode())
    (tmp_path / "broken.py").write_text("def broken(:\n" + KEY)
    (tmp_path / "python2.py").write_text("print 'hello'\n")
    (tmp_path / "null.py").write_text("x = 1\n" * 3000 + "\0")
    (tmp_path / "picture.py").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "huge.py").write_text("x = 1\n" * 400_000)
    (tmp_path / "deep.py").write_text("(" * 5000 + ")" * 5000)
    (tmp_path / "nested.py").write_text("x = " + "-" * 100_000 + "1\n")
    levels = (f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefghi"))
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(levels)
    (tmp_path / "bomb.yaml").write_text(bomb + KEY.replace(" =", ":"))
    (tmp_path / "odd.yaml").write_text("key: [unclosed\n" + KEY)
    (tmp_path / "long.js").write_text("password='" + "aB3$" * 200_000 + "'\n")
    output = check_output(
        "security-scanner", "scan", run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    )
    found = {(one["file"], one["rule"]) for one in output["findings"]}
    assert {
        ("good.py", "B602"),
        ("-", "secret-keyword"),
        ("line\\nbreak \\x1b[31m.py", "B602"),
        ("latin-\\xe9.py", "B602"),
        ("latin.cfg", "secret-keyword"),
        ("broken.py", "secret-keyword"),
        ("odd.yaml", "secret-keyword"),
        ("bomb.yaml", "secret-keyword"),
    } <= found
    skipped = {one["file"]: one["reason"] for one in output["skipped"]}
    assert skipped["picture.py"] == "binary"
    assert skipped["huge.py"].startswith("larger than")
    assert skipped["broken.py"] == skipped["python2.py"] == "not valid Python"
    assert {"deep.py", "nested.py", "null.py"} <= skipped.keys()
    assert skipped["bomb.yaml"].endswith("searched as plain text")
    assert "good.py" not in skipped


def test_an_empty_workspace_is_a_clean_answer(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    output = check_output(
        "security-scanner", "scan", run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    )
    assert output["summary"]["total"] == output["files_scanned"] == 0
    assert output["findings"] == output["skipped"] == []


def test_thousands_of_findings_are_cut_in_the_output_and_whole_in_the_report(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    for number in range(60):
        (tmp_path / f"m{number}.py").write_text(SHELL + "subprocess.run(cmd, shell=True)\n" * 50)
    outcome = run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    output = check_output("security-scanner", "scan", outcome)
    assert output["summary"]["total"] == 60 * 51
    assert (len(output["findings"]), output["truncated"]) == (200, True)
    assert outcome.artifact(output["report"]).count(b'"id"') == 60 * 51
    assert len(outcome.progress) >= 10


def test_a_workspace_of_fifty_megabytes_passes(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    for number in range(50):
        (tmp_path / f"data{number}.bin").write_bytes(bytes([number, 0, *os.urandom(1022)]) * 1024)
    (tmp_path / "app.py").write_text(SHELL)
    output = check_output(
        "security-scanner", "scan", run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    )
    assert output["files_scanned"] == 1
    assert [one["rule"] for one in output["findings"]] == ["B602"]
