"""What the three agents call SARIF is SARIF: each log that a test sees is judged, and the judge is strict."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from airlock_agents.builtin.findings.finding import Finding, named
from airlock_agents.builtin.findings.sarif import sarif

from .sarif_logs import problems

FOUND = named(
    [
        Finding("B602", "HIGH", "HIGH", "a dir/ü#?:%.py", 3, "shell", "bandit", suppressed=True),
        Finding("private-key", "CRITICAL", "HIGH", "http://x/k.pem", 1, "key", "detect-secrets"),
        Finding("files.gitignore-missing", "LOW", "MEDIUM", ".gitignore", 0, "missing", "airlock"),
        Finding("licences.text-missing", "HIGH", "LOW", "", 0, "missing", "airlock"),
        Finding("B602", "HIGH", "HIGH", "b.py", 9, "shell", "bandit"),
    ]
)


PLACE = ("runs", 0, "results", 0, "locations", 0, "physicalLocation")


def weakness(finding: Finding) -> int | None:
    return 78 if finding.tool == "bandit" else None


def log() -> dict[str, Any]:
    return sarif(FOUND, "security-scanner", "1.0.0", weakness=weakness)


def test_a_log_of_anything_that_can_be_found_is_sarif() -> None:
    assert problems(log()) == []
    assert problems(sarif([], "code-reviewer", "1.0.0")) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "2.0.0"),
        (("runs", 0, "tool", "driver", "name"), None),
        (("runs", 0, "tool", "driver", "rules", 0, "id"), "private-key"),
        (("runs", 0, "tool", "driver", "rules", 0, "helpUri"), "no uri at all"),
        (("runs", 0, "tool", "driver", "rules", 0, "properties", "tags"), ["security", "security"]),
        (("runs", 0, "columnKind"), "bytes"),
        (("runs", 0, "originalUriBaseIds"), {}),
        (("runs", 0, "results", 0, "ruleIndex"), 1),
        (("runs", 0, "results", 0, "ruleId"), "no-such-rule"),
        (("runs", 0, "results", 0, "level"), "critical"),
        (("runs", 0, "results", 0, "message"), "text"),
        (("runs", 0, "results", 0, "kind"), "fail"),
        (("runs", 0, "results", 0, "locations"), []),
        ((*PLACE, "artifactLocation", "uri"), "/etc/passwd"),
        ((*PLACE, "artifactLocation", "uri"), "a b.py"),
        ((*PLACE, "region"), {"startLine": 0}),
        (("runs", 0, "results", 0, "partialFingerprints", "airlockFinding/v1"), FOUND[1].id),
        (("runs", 0, "results", 0, "partialFingerprints", "airlockFinding/v1"), ""),
        (("runs", 0, "results", 1, "suppressions"), [{"kind": "inTheSource", "status": "rejected"}]),
    ],
)  # fmt: skip
def test_what_the_standard_rules_out_is_a_problem(path: tuple[Any, ...], value: Any) -> None:
    broken = copy.deepcopy(log())
    inner = broken
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert problems(broken) != []
