"""Findings as SARIF 2.1.0 (OASIS Standard), so that other tools can show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from .finding import Finding

_LEVEL = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note"}
_SCORE = {"CRITICAL": "9.5", "HIGH": "8.0", "MEDIUM": "5.5", "LOW": "2.0"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Sequence[Finding], tool: str, version: str) -> dict[str, Any]:
    """Answer a SARIF log with one run of a tool; places are relative to the workspace (`%SRCROOT%`)."""
    order = sorted({one.rule for one in findings})
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": f"airlock {tool}",
                        "semanticVersion": version,
                        "rules": [_rule(rule, findings) for rule in order],
                    }
                },
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the workspace."}}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, order.index(one.rule)) for one in findings],
            }
        ],
    }


def _rule(rule: str, findings: Sequence[Finding]) -> dict[str, Any]:
    first = next(one for one in findings if one.rule == rule)
    described: dict[str, Any] = {
        "id": rule,
        "shortDescription": {"text": first.message},
        "defaultConfiguration": {"level": _LEVEL[first.severity]},
        "properties": {"security-severity": _SCORE[first.severity], "tags": ["security", first.tool]},
    }
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
