"""Findings as SARIF 2.1.0 (OASIS Standard), so that other tools can show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from .finding import Finding

_LEVEL = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note"}
_SCORE = {"CRITICAL": "9.5", "HIGH": "8.0", "MEDIUM": "5.5", "LOW": "2.0"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(
    findings: Sequence[Finding],
    tool: str,
    version: str,
    *,
    weakness: Callable[[Finding], int | None] = lambda finding: None,
    kind: Callable[[Finding], str] = lambda finding: "security",
) -> dict[str, Any]:
    """Answer a SARIF log with one run of a tool; places are relative to the workspace (`%SRCROOT%`).

    `weakness` answers the number of a finding's weakness (CWE), where it is known; `kind` what it is about:
    only what is about security has a security severity.
    """
    first: dict[str, Finding] = {}
    for one in findings:
        first.setdefault(one.rule, one)
    order = {rule: index for index, rule in enumerate(sorted(first))}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": f"airlock {tool}",
                        "semanticVersion": version,
                        "rules": [
                            _rule(one, kind(one), weakness(one)) for one in map(first.__getitem__, order)
                        ],
                    }
                },
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the workspace."}}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, order[one.rule]) for one in findings],
            }
        ],
    }


def _rule(first: Finding, kind: str, weakness: int | None) -> dict[str, Any]:
    tags = [kind, first.tool]
    properties: dict[str, Any] = {"tags": tags}
    if kind == "security":
        properties["security-severity"] = _SCORE[first.severity]
    described: dict[str, Any] = {
        "id": first.rule,
        "shortDescription": {"text": first.message},
        "defaultConfiguration": {"level": _LEVEL[first.severity]},
        "properties": properties,
    }
    if weakness is not None:
        # As those who show SARIF look for it: a tag, rather than a taxonomy of one entry.
        tags.append(f"external/cwe/cwe-{weakness:03d}")
        described["helpUri"] = f"https://cwe.mitre.org/data/definitions/{weakness}.html"
    return described


def _result(finding: Finding, index: int) -> dict[str, Any]:
    # What is about the whole workspace stands at its root: those who show SARIF want a place for everything.
    place = quote(finding.file) if finding.file else "./"
    there: dict[str, Any] = {"artifactLocation": {"uri": place, "uriBaseId": "%SRCROOT%"}}
    if finding.line:
        there["region"] = {"startLine": finding.line}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVEL[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": there}],
        "partialFingerprints": {"airlockFinding/v1": finding.id},
        "properties": {"confidence": finding.confidence},
    }
    if finding.suppressed:
        result["suppressions"] = [{"kind": "inSource", "status": "rejected"}]
    return result
