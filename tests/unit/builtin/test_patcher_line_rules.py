"""Violations that one line can mend are mended; of the others it says what a person must name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airlock_agents.builtin.patcher.line_rules import LINE_FIXES
from airlock_agents.builtin.patcher.proposal import propose
from airlock_agents.builtin.patcher.request import sort
from airlock_agents.builtin.patcher.rules import FIXES, LINE_NOTES, OTHER, why_not


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("headers.tls-old", "  ssl_protocols TLSv1 TLSv1.1 TLSv1.2; # x", "  ssl_protocols TLSv1.2; # x"),
        ("headers.tls-old", "ssl_protocols TLSv1.2 SSLv3;", "ssl_protocols TLSv1.2;"),
        ("headers.tls-old", "ssl_protocols TLSv1 TLSv1.1;", None),
        ("headers.tls-old", "ssl_protocols TLSv1", None),
        ("headers.version-shown", "server_tokens  on ;", "server_tokens  off ;"),
        ("headers.version-shown", "server_tokens build;", None),
        ("headers.cookie-insecure", "conf['CSRF_COOKIE_SECURE']=False", "conf['CSRF_COOKIE_SECURE']=True"),
        ("headers.cookie-insecure", "config['CSRF_COOKIE_HTTPONLY'] = False", None),
        ("headers.cookie-insecure", "response.set_cookie('a', 'b')", None),
    ],
)  # fmt: skip
def test_a_line_is_mended_or_left_alone(rule: str, before: str, after: str | None, tmp_path: Path) -> None:
    file = "conf.py" if "cookie" in rule else "nginx.conf"
    (tmp_path / file).write_text(f"# top\n{before}\n# end\n")
    violation = {"id": "v-1", "rule": rule, "file": file, "line": 2, "tool": "airlock"}
    (done,) = propose(tmp_path, sort(tmp_path, {"violations": [violation]}))
    if after is None:
        assert (done.diff, done.fixed) == ("", [])
    else:
        assert done.fixed == ["v-1"]
        assert f"-{before}\n+{after}\n" in done.diff
        assert done.notes == [f"{rule}: {LINE_NOTES[rule]}"]


def test_each_line_rule_says_what_it_changes_and_is_no_rule_of_calls() -> None:
    assert LINE_FIXES.keys() == LINE_NOTES.keys()
    assert not LINE_FIXES.keys() & FIXES.keys()


@pytest.mark.parametrize(
    ("rule", "tool", "said"),
    [
        ("ci.action-unpinned", "airlock", "kind action"),
        ("containers.runs-as-root", "airlock", "kind user"),
        ("containers.image-latest", "airlock", "kind image"),
        ("files.private-key", "airlock", "changed where it is valid"),
        ("licences.text-missing", "airlock", "licences"),
        ("py-sql-injection", "airlock", "written anew"),
        ("CVE-2024-1", "osv", "no version"),
        ("secret-keyword", "detect-secrets", "changed where it is valid"),
        ("never-heard-of", "other", OTHER),
    ],
)
def test_the_reason_says_what_a_person_can_do(rule: str, tool: str, said: str) -> None:
    assert said in why_not(rule, tool)


def flaw(number: int, **named: str | None) -> dict[str, Any]:
    where = {"file": "requirements.txt", "line": 1, "tool": "osv"}
    said = {"message": "requests 2.19.0: Leaks. Fixed in 9.9.9."}  # prose: for people
    return {"id": f"f-{number}", "rule": f"CVE-2024-{number}", **said, **where, **named}


def test_vulnerable_dependencies_are_raised_to_the_highest_version_that_mends_one(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("requests==2.19.0\nflask==1.0\n")
    findings = [
        flaw(1, package="requests", fixed_in="2.20.0"),
        flaw(2, package="requests", fixed_in="2.32.4"),
        flaw(3, package="flask", fixed_in=None),
        flaw(4),
    ]
    (done,) = propose(tmp_path, sort(tmp_path, {"findings": findings}))
    assert sorted(done.fixed) == ["f-1", "f-2"]
    assert "-requests==2.19.0\n+requests==2.32.4\n" in done.diff
    assert done.unfixed == [(one, "it names no version without the flaw") for one in ("f-3", "f-4")]
