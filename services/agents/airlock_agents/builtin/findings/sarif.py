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
) -> dict[str, Any]:
    """Answer a SARIF log with one run of a tool; places are relative to the workspace (`%SRCROOT%`).

    `weakness` answers the number of a finding's weakness (CWE), where it is known.
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
                        "rules": [_rule(first[rule], weakness(first[rule])) for rule in order],
                    }
                },
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the workspace."}}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, order[one.rule]) for one in findings],
            }
        ],
    }


def _rule(first: Finding, weakness: int | None) -> dict[str, Any]:
    tags = ["security", first.tool]
    described: dict[str, Any] = {
        "id": first.rule,
        "shortDescription": {"text": first.message},
        "defaultConfiguration": {"level": _LEVEL[first.severity]},
        "properties": {"security-severity": _SCORE[first.severity], "tags": tags},
    }
    if weakness is not None:
        # As those who show SARIF look for it: a tag, rather than a taxonomy of one entry.
        tags.append(f"external/cwe/cwe-{weakness:03d}")
        described["helpUri"] = f"https://cwe.mitre.org/data/definitions/{weakness}.html"
    return described


def _result(finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVEL[finding.severity],
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.file), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": finding.line},
                }
            }
        ],
        "partialFingerprints": {"airlockFinding/v1": finding.id},
        "properties": {"confidence": finding.confidence},
    }
    if finding.suppressed:
        result["suppressions"] = [{"kind": "inSource", "status": "rejected"}]
    return result
