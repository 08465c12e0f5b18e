"""Who decides about a diff reads first what it mends, where and why, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airlock_agents.builtin.patcher.main import MAX_MENDED_BYTES, agent
from airlock_agents.builtin.patcher.overview import MAX_OVERVIEW, NOTHING, overview
from airlock_agents.builtin.patcher.proposal import Done
from airlock_agents.builtin.patcher.request import About
from airlock_sdk.testing import given_workspace, run_action

SOURCE = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"


def proposed(root: Path, findings: list[dict[str, Any]], text: str = SOURCE) -> dict[str, Any]:
    (root / "tree").mkdir()
    (root / "tree" / "reader.py").write_text(text)
    given = [given_workspace(root / "tree")]
    outcome = run_action(agent, "propose", {"findings": findings}, scratch=root / "scratch", given=given)
    assert outcome.output is not None, outcome.failure
    return outcome.output


def finding(**named: Any) -> dict[str, Any]:
    known = {"id": "f-1", "rule": "B506", "file": "reader.py", "line": 5, "tool": "bandit"}
    return {**known, "message": "Use of unsafe yaml load.", **named}


def test_it_says_by_rule_and_by_file_what_is_mended_and_what_is_left(tmp_path: Path) -> None:
    secret = finding(id="f-2", rule="secret-keyword", tool="detect-secrets", line=1)
    output = proposed(
        tmp_path, [finding(), secret, finding(id="f-3", file="gone.py", rule="files.readme-missing")]
    )
    assert output["overview"] == (
        "Mends 1 of 3 findings, in 1 file; 2 are left.\n"
        "  Security: B506 1.\n"
        "\n"
        "2 left for a person:\n"
        "  1 x which files there are, and what stands in them, is for a person to say\n"
        "  1 x a secret must be changed where it is valid, and kept elsewhere\n"
        "\n"
        "Whoever runs the result will notice:\n"
        "  B506: YAML that builds Python objects is refused.\n"
        "\n"
        "reader.py\n"
        "  line 5: B506 Use of unsafe yaml load. (f-1)\n"
    )
    assert output["mended"] == [{"id": "f-1", "rule": "B506", "file": "reader.py", "line": 5}]
    assert [one["rule"] for one in output["unfixed"]] == ["files.readme-missing", "secret-keyword"]


def test_it_says_so_when_nothing_is_proposed(tmp_path: Path) -> None:
    output = proposed(tmp_path, [finding(rule="B608")])
    assert output["diff"] == ""
    assert output["overview"].startswith(NOTHING + "\n")


def replaced(line: int, rule: str, severity: str) -> dict[str, Any]:
    text = {"replacement": {"start_line": line, "end_line": line, "text": "yaml.load(b)"}}
    return finding(
        id=f"i-{line}", rule=rule, line=line, tool="ruff", type="quality", severity=severity, **text
    )


def test_what_was_handed_in_is_a_sum_and_security_stands_before_style(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").write_text("yaml.load(a)\n" * 3)
    (tmp_path / "tree" / "b.py").write_text(SOURCE)
    issues = [replaced(line, "RET502", "LOW") | {"file": "a.py"} for line in (1, 2)]
    asked = {
        "findings": [finding(file="b.py")],
        "issues": [*issues, replaced(3, "F632", "MEDIUM") | {"file": "a.py"}],
        "violations": [finding(id="v-1", file="README.md", rule="files.readme-missing", line=None)],
        "kinds": ["security", "quality"],
    }
    given = [given_workspace(tmp_path / "tree")]
    outcome = run_action(agent, "propose", asked, scratch=tmp_path / "scratch", given=given)
    assert outcome.output is not None, outcome.failure
    said = outcome.output["overview"].splitlines()
    assert said[:4] == [
        "Mends 4 of the 5 that were handed in (1 finding, 3 issues, 1 violation), in 2 files; 1 is left.",
        "  Security: B506 1.",
        "  Correctness: F632 1.",
        "  Style: RET502 2 (in 1 file).",
    ]
    assert said[said.index("b.py") :] == [
        "b.py",
        "  line 5: B506 Use of unsafe yaml load. (f-1)",
        "",
        "a.py",
        "  line 3: F632 Use of unsafe yaml load. (i-3)",
    ]


def test_what_reports_have_no_room_for_belongs_to_the_sum() -> None:
    about = {"f-1": About("finding", "B506", "a.py", 1, group="security")}
    said = overview(about, [Done("a.py", diff="x", fixed=["f-1"])], [], {"finding": 7, "issue": 2})
    head = "Mends 1 of the 10 that were handed in (8 findings, 2 issues), in 1 file; 9 are left."
    assert said.splitlines()[0] == head


def test_a_new_major_version_is_the_first_that_will_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "reader.py").write_text(SOURCE)
    (tmp_path / "tree" / "requirements.txt").write_text("Jinja2==2.10\nrequests==2.19\n")
    bumps = [{"name": "jinja2", "to": "3.1.6"}, {"name": "requests", "to": "2.32.4"}]
    asked = {"findings": [finding()], "dependencies": bumps}
    given = [given_workspace(tmp_path / "tree")]
    outcome = run_action(agent, "propose", asked, scratch=tmp_path / "scratch", given=given)
    assert outcome.output is not None, outcome.failure
    assert outcome.output["notes"] == [
        "jinja2 2.10 -> 3.1.6 is a new major version: what that breaks stands in its release notes.",
        "B506: YAML that builds Python objects is refused.",
    ]
    assert f"notice:\n  {outcome.output['notes'][0]}\n" in outcome.output["overview"]


def test_hostile_words_stay_on_their_line_and_the_whole_stays_small(tmp_path: Path) -> None:
    word = "x\n\x1b[2J\u202e" + "y" * 100
    count = 900
    calls = "import yaml\n" + "yaml.load(a)\n" * count
    findings = [finding(id=f"f-{line}", line=line, message=word) for line in range(2, count + 2)]
    output = proposed(tmp_path, findings, calls)
    said = output["overview"]
    assert output["stats"]["fixed"] == count
    assert len(said) <= MAX_OVERVIEW + 200
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert said.rstrip("\n").endswith("more lines: the output `mended` names what the diff does")
    assert 0 < len(json.dumps(output["mended"])) <= MAX_MENDED_BYTES * 1.1
