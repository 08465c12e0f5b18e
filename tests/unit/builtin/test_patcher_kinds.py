"""Unless asked for more, a proposal mends security and dependencies, and nothing that the code silences."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from airlock_agents.builtin.patcher.kinds import DEFAULT, Kind, kind_of, may_be_mended
from airlock_agents.builtin.patcher.proposal import propose
from airlock_agents.builtin.patcher.request import Asked, sort

PUT = {"start_line": 3, "end_line": 3, "text": "    return None"}
CALL = {"id": "f-call", "rule": "B506", "file": "app.py", "line": 5, "tool": "bandit"}
RETURN = {
    "id": "i-return",
    "rule": "RET502",
    "file": "app.py",
    "line": 3,
    "type": "quality",
    "replacement": PUT,
}
LOOP = {**RETURN, "id": "i-loop", "rule": "PERF401", "type": "performance"}
GUARD = {**RETURN, "id": "i-guard", "rule": "any", "type": "security"}
BUMP = {"id": "f-bump", "rule": "CVE-1", "file": "r.txt", "tool": "osv", "package": "x", "fixed_in": "2"}
SECRET = {"id": "f-secret", "rule": "secret-keyword", "file": "app.py", "line": 1, "tool": "detect-secrets"}


@pytest.mark.parametrize(
    ("finding", "kind"),
    [
        (CALL, "security"),
        (GUARD, "security"),
        ({**CALL, "rule": "headers.tls-old"}, "security"),
        (BUMP, "dependencies"),
        (RETURN, "quality"),
        ({**RETURN, "type": None}, "quality"),
        (LOOP, "performance"),
        (SECRET, None),
        ({**BUMP, "fixed_in": None}, None),
    ],
)
def test_a_finding_has_a_kind_if_a_tool_can_mend_it(finding: dict[str, Any], kind: Kind | None) -> None:
    assert kind_of(finding) == kind
    assert may_be_mended(finding, {}) == (kind in DEFAULT)
    assert not may_be_mended({**finding, "suppressed": True}, {})
    assert not may_be_mended({**finding, "in_tests": True}, {})


def fates(root: Path, **asked: Any) -> tuple[list[str], dict[str, str]]:
    (root / "app.py").write_text(
        "import yaml\ndef read(text):\n    return\ndef load(text):\n    return yaml.load(text)\n"
    )
    (done,) = propose(root, sort(root, cast(Asked, asked)))
    return done.fixed, dict(done.unfixed)


def test_style_is_mended_only_when_asked_for(tmp_path: Path) -> None:
    fixed, unfixed = fates(tmp_path, findings=[CALL], issues=[RETURN])
    assert fixed == ["f-call"]
    assert "kinds" in unfixed["i-return"]
    assert fates(tmp_path, findings=[CALL], issues=[RETURN], kinds=["quality"])[0] == ["i-return"]
    both = fates(tmp_path, findings=[CALL], issues=[RETURN], kinds=["quality", "security"])
    assert both == (["i-return", "f-call"], {})


def test_what_the_code_silences_is_left_as_it_is(tmp_path: Path) -> None:
    silenced = [{**one, "suppressed": True} for one in (CALL, SECRET)]
    fixed, unfixed = fates(tmp_path, findings=silenced)
    assert fixed == []
    assert "asks tools to look away" in unfixed["f-call"]
    assert "changed where it is valid" in unfixed["f-secret"]  # no tool would mend it in any case
