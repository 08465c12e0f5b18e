"""Who decides about a diff reads first what it mends, where and why, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airlock_agents.builtin.patcher.main import MAX_MENDED_BYTES, agent
from airlock_agents.builtin.patcher.overview import MAX_OVERVIEW, NOTHING
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
        "Mends 1 finding in 1 file: B506 1.\n"
        "\n"
        "2 findings left for a person:\n"
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
