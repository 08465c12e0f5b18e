"""A workspace that fights back, and a big one: the review ends, names what it missed, and obeys nothing."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airlock_sdk.testing import Outcome

SECRET = "kV7-tulip-orbit-92-harbour"
FLAWED = "import os\n\n\ndef add(x, basket=[]):\n    basket.append(x)\n    return basket\n"


def test_its_own_configuration_and_wishes_are_not_obeyed(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nexclude = ['*']\n[tool.pylint]\ndisable = 'all'\n")
    (tmp_path / ".ruff.toml").write_text("exclude = ['*']\n")
    (tmp_path / ".eslintrc.json").write_text('{"root": true, "ignorePatterns": ["*"]}')
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / ".gitattributes").write_text("* linguist-vendored linguist-generated\n")
    (tmp_path / "a.py").write_text(FLAWED)
    (tmp_path / "b.py").write_text(
        "# ruff: noqa\n# pylint: skip-file\n" + FLAWED + "\n\nwhile 0.5 == add(1):\n    pass\n"
    )
    (tmp_path / "c.js").write_text("/* eslint-disable */\ntry { f() } catch (e) {}\n")
    (tmp_path / "d.js").write_text("// eslint-disable-next-line no-debugger\ndebugger;\n")
    ifs = "".join(f"  if (a == {n}) {{ b(); }}\n" for n in range(15))
    (tmp_path / "E.java").write_text(
        "// GENERATED CODE - do not edit\nclass E {\n void f(int a) {\n //#lizard forgives\n"
        + ifs
        + " }\n}\n"
    )
    output = check_output(
        "code-reviewer", "review", run_agent("code-reviewer", "review", {}, workspace=tmp_path)
    )
    found = {(one["file"], one["rule"], one["suppressed"]) for one in output["issues"]}
    assert found == {
        ("a.py", "F401", False),
        ("a.py", "B006", False),
        ("b.py", "F401", True),
        ("b.py", "B006", True),
        ("b.py", "float-equality", True),
        ("c.js", "empty-catch", True),
        ("d.js", "debugger-left", True),
        ("E.java", "complex-function", False),
    }
    assert output["summary"]["suppressed"] == 5


def test_hostile_files_are_named_with_the_reason_and_the_others_are_reviewed(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "good.py").write_text(FLAWED)
    (tmp_path / "line\nbreak \x1b[31m.py").write_text(FLAWED)
    with open(os.fsencode(tmp_path) + b"/latin-\xe9.py", "w") as file:
        file.write(FLAWED)
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nname = 'caf\xe9'\n" + FLAWED.encode())
    (tmp_path / "wide.py").write_bytes(FLAWED.encode("utf-16"))
    (tmp_path / "broken.py").write_text(f"password = '{SECRET}'\ndef broken(:\n")
    (tmp_path / "null.py").write_text("x = 1\n" * 3000 + "\0")
    (tmp_path / "huge.py").write_text("x = 1\n" * 400_000)
    (tmp_path / "deep.py").write_text("x = " + "[" * 5000 + "]" * 5000 + "\n")
    (tmp_path / "minus.py").write_text("x = " + "-" * 100_000 + "1\n")
    (tmp_path / "dots.py").write_text("x = a" + ".b" * 150_000 + "\n")
    (tmp_path / "elifs.py").write_text("if a:\n    pass\n" + "elif b:\n    pass\n" * 20_000)
    (tmp_path / "loops.py").write_text(
        "".join(f"{' ' * n}for a in b:\n" for n in range(90)) + " " * 90 + "pass\n"
    )
    (tmp_path / "braces.js").write_text("function a() {\n" + "{\n" * 100_000)
    (tmp_path / "quotes.ts").write_text(("'" * 80 + "\n") * 5_000)
    (tmp_path / "types.java").write_text("a<" * 2_000 + "\n")
    (tmp_path / "wide.js").write_text("x=" + "1+" * 300_000 + "1\n")
    (tmp_path / "marks.txt").write_text("<<<<<<< a\n" + "=======\n" * 100_000)
    outcome = run_agent("code-reviewer", "review", {}, workspace=tmp_path)
    output = check_output("code-reviewer", "review", outcome)
    issues = json.loads(outcome.artifact(output["report"]))["issues"]
    rules = Counter(one["file"] for one in issues if one["rule"] == "B006")
    reviewed = ("good.py", "latin.py", "wide.py", "line\\nbreak \\x1b[31m.py", "latin-\\xe9.py")
    assert rules == dict.fromkeys(reviewed, 1)
    reasons = {one["file"]: one["reason"] for one in output["skipped"]}
    assert reasons["broken.py"] == "not valid Python"
    assert reasons["huge.py"] == "larger than 1048576 bytes"
    assert reasons["wide.js"] == "made by a machine: its lines are too long to review"
    for name in ("null.py", "deep.py", "minus.py", "dots.py", "braces.js"):
        assert name in reasons, name
    assert reasons.keys().isdisjoint(reviewed)
    said = outcome.raw_output.decode() + outcome.stderr + json.dumps(outcome.logs)
    assert SECRET not in said + "".join(made.content.decode() for made in outcome.artifacts.values())
    assert "\x1b" not in said


def test_a_grave_issue_behind_two_thousand_small_ones_is_told(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    small = "    x = 0.5 == y\n" * 2_500
    head, tail = (
        "import logging\n\n\ndef f(y, password):\n",
        "    logging.info('%s', password)\n    return x\n",
    )
    (tmp_path / "a.py").write_text(head + small + tail)
    outcome = run_agent("code-reviewer", "review", {}, workspace=tmp_path)
    output = check_output("code-reviewer", "review", outcome)
    assert output["issues"][0]["rule"] == "secret-in-log"
    assert output["summary"]["total"] > 2_500
    assert output["report_truncated"] is True
    assert len(json.loads(outcome.artifact(output["report"]))["issues"]) < output["summary"]["total"]


def test_fifty_megabytes_and_twenty_thousand_issues_fit_into_the_limits(
    run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    # Half a thousand files of Python with forty issues each, as many of JavaScript, and text beside them.
    plain = "".join(f"def f{n}(a, b):\n    return [a * {n}, b + {n}]\n\n\n" for n in range(30))
    for number in range(500):
        folder = tmp_path / f"package{number % 40}"
        folder.mkdir(exist_ok=True)
        issues = "".join(f"def g{n}(a, b=[]):\n    return a == None or b\n\n\n" for n in range(20))
        (folder / f"m{number}.py").write_text(plain + issues + f"x{number} = 1\n")
        script = f"function h{number}(a) {{\n  if (a) {{ return a + {number}; }}\n  return 0;\n}}\n\n"
        (folder / f"m{number}.js").write_text(script * 10)
        (folder / f"m{number}.txt").write_text("a line of text, neither code nor a secret\n" * 2_400)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) > 50_000_000
    outcome = run_agent("code-reviewer", "review", {}, workspace=tmp_path, timeout=500.0)
    output = check_output("code-reviewer", "review", outcome)
    assert (output["summary"]["total"], output["report_truncated"], output["skipped"]) == (20_000, False, [])
    assert (len(output["issues"]), output["truncated"]) == (200, True)
    assert output["files_reviewed"] == 1_500
    assert len(json.loads(outcome.artifact(output["report"]))["issues"]) == 20_000
    assert len(outcome.progress) >= 10
