"""A policy says what rules are; its mistakes are told all at once, with what may have been meant."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_agents.builtin.compliance_checker.globs import matches
from airlock_agents.builtin.compliance_checker.policy_document import PolicyProblems, read_policy
from airlock_agents.builtin.compliance_checker.rules.catalogue import RULES
from airlock_orchestration.engine.schemas import Validator, resolve_artifacts

FOLDER = Path(__file__).parents[3] / "services/agents/airlock_agents/builtin/compliance_checker"

FULL: dict[str, Any] = {
    "version": 1,
    "scopes": ["ci", "files"],
    "rules": {
        "ci.permissions-missing": "off",
        "ci.action-unpinned": {"severity": "CRITICAL", "options": {"trusted": ["our-house"]}},
        "files.large-binary": {"options": {"max_mb": 20}},
    },
    "licences": {"allow": ["MIT", "BSD-*"], "deny": ["GPL-3.0"]},
    "required_files": ["docs/runbook.md", ["Makefile", "justfile"]],
    "exceptions": [
        {
            "rule": "ci.pipe-to-shell",
            "paths": ["**/old.yml"],
            "reason": "goes with it",
            "expires": "2027-01-31",
        }
    ],
    "fail_on": "MEDIUM",
}


def test_all_that_a_policy_says_is_heard() -> None:
    policy = read_policy(FULL)
    assert policy.scopes == frozenset({"ci", "files"})
    assert not policy.speaks(RULES["ci.permissions-missing"])
    assert policy.severity(RULES["ci.action-unpinned"], "LOW") == "CRITICAL"
    assert policy.severity(RULES["files.readme-missing"], "LOW") == "LOW"
    assert policy.option("ci.action-unpinned", "trusted") == ["our-house"]
    assert policy.option("files.large-binary", "max_mb") == 20
    assert policy.option("headers.hsts-weak", "min_days") == 180
    assert policy.required[1].any_of == ("Makefile", "justfile")
    assert policy.fails("MEDIUM")
    assert not policy.fails("LOW")


def test_an_exception_holds_up_to_and_on_its_last_day() -> None:
    (excuse,) = read_policy(FULL).excuses
    assert excuse.covers("ci.pipe-to-shell", ".github/workflows/old.yml")
    assert not excuse.covers("ci.pipe-to-shell", ".github/workflows/new.yml")
    assert not excuse.expired(date(2027, 1, 31))
    assert excuse.expired(date(2027, 2, 1))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rules": {"ci.permission-missing": "off"}}, "did you mean ci.permissions-missing?"),
        ({"rules": {"ci.pipe-to-shell": "HIHG"}}, "is none of CRITICAL, HIGH, MEDIUM, LOW, off"),
        ({"rules": {"files.large-binary": {"options": {"max_gb": 1}}}}, "did you mean max_mb?"),
        ({"rules": {"files.large-binary": {"options": {"max_mb": "5"}}}}, "must be like 5"),
        ({"rules": {"licences.header-missing": {"options": {"when": "never"}}}}, "practised, always"),
        ({"exception": []}, "did you mean exceptions?"),
        ({"scopes": ["licenses"]}, "did you mean licences?"),
        ({"version": 2}, "version: must be 1"),
        ({"exceptions": [{"rule": "ci.pipe-to-shell", "paths": ["a"]}]}, "exceptions[0]: needs reason"),
        ({"exceptions": [{"rule": "ci.pipe-to-shell", "paths": ["a"], "reason": " "}]}, "reason"),
        ({"exceptions": [{"rule": "ci.pipe-to-shell", "paths": [], "reason": "x"}]}, "at least one path"),
        (
            {"exceptions": [{"rule": "ci.pipe-to-shell", "paths": ["a"], "reason": "x", "expires": "soon"}]},
            "no day like",
        ),
        (
            {"exceptions": [{"rule": ["ci.pipe-to-shell"], "paths": ["a"], "reason": "x"}]},
            "exceptions[0].rule: ['ci.pipe-to-shell'] is no text: it names one rule",
        ),
        ({"rules": {7: "off"}}, "rules: 7 is no text"),
        ({"rules": {"ci.pipe-to-shell": {"severity": {"severity": "LOW"}}}}, "severity: must be a text"),
        ({"licences": {"allow": ["MIT OR ISC"]}}, "no SPDX id"),
        ({"required_files": "README"}, "must be a list"),
        ({"fail_on": "NEVER"}, "fail_on"),
    ],
)
def test_a_mistake_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(PolicyProblems) as caught:
        read_policy({**FULL, **change})
    assert told in str(caught.value)
    assert len(caught.value.problems) == 1


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(PolicyProblems) as caught:
        read_policy({"fail_on": 1, "rules": {"x": "off"}, "scopes": "ci"})
    assert len(caught.value.problems) == 4
    with pytest.raises(PolicyProblems, match="must be an object"):
        read_policy(["version"])


def test_the_registered_schema_and_the_reader_agree() -> None:
    manifest = yaml.safe_load((FOLDER / "agent.yaml").read_text())
    schema = resolve_artifacts(manifest["actions"]["check"]["input_schema"])
    workspace = {"artifact": "sha256:" + "0" * 64, "size": 1, "media_type": "application/x-tar"}

    def fits(policy: Any) -> bool:
        return not list(Validator(schema).problems({"workspace": workspace, "policy": policy}))

    assert fits(FULL)
    assert fits({"version": 1})
    assert not fits({"version": 2})
    assert not fits({**FULL, "fail_on": "NEVER"})
    assert not fits({**FULL, "exceptions": [{"rule": "ci.pipe-to-shell", "paths": ["a"]}]})


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("README.md", "README.md", True),
        ("README.md", "docs/README.md", False),
        ("**/README.md", "README.md", True),
        ("**/README.md", "a/b/README.md", True),
        ("docs/**", "docs/a/b.md", True),
        ("docs/*", "docs/a/b.md", False),
        ("docs/**/b.md", "docs/b.md", True),
        ("*.y?ml", "ci.yaml", True),
        ("*.y?ml", "ci.yml", False),
        ("**", "a/b", True),
        ("a/**/c/**/e", "a/b/c/d/e", True),
        ("a/**/c/**/e", "a/b/d/e", False),
        ("*" * 40 + "b", "a" * 200, False),
    ],
)
def test_patterns_name_paths_from_end_to_end(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


def test_every_rule_is_described_for_its_reader() -> None:
    for one in RULES.values():
        assert one.scope == one.id.partition(".")[0]
        assert one.looks_at, one.id
        assert len(one.title) <= 120, one.id
        assert 0 < len(one.remedy) <= 300, one.id
        assert one.why.endswith("."), one.id
    readme = (FOLDER / "README.md").read_text()
    assert [one for one in RULES if f"`{one}`" not in readme] == []
