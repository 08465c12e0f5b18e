"""What an agent says of its findings: the bounded answer, and the whole of it as an artifact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .finding import Finding, Inspected
from .severities import SEVERITIES

MAX_FINDINGS = 200  # in the output; all are in the report
MAX_SKIPPED = 100
MAX_OUTPUT = 400 * 1024  # bytes of both lists; the manifest allows 512 KiB


def summary(findings: Sequence[Finding]) -> dict[str, Any]:
    """Count findings, by severity too; suppressed ones are counted among them, and apart."""
    return {
        "total": len(findings),
        "by_severity": {one: sum(f.severity == one for f in findings) for one in SEVERITIES},
        "suppressed": sum(one.suppressed for one in findings),
    }


def skipped(inspected: Sequence[Inspected]) -> list[dict[str, str]]:
    """List the files that were not, or not wholly, looked at."""
    return [{"file": one.file, "reason": one.skipped} for one in inspected if one.skipped is not None]


def bounded(
    findings: Sequence[Finding], left_out: Sequence[dict[str, str]], *, key: str = "findings"
) -> dict[str, Any]:
    """Answer the lists as they stand in the output, each cut where it grows beyond its bound.

    `key` is what the agent calls its findings.
    """
    shown_findings = cut([one.shown() for one in findings[:MAX_FINDINGS]], MAX_FINDINGS, MAX_OUTPUT * 3 // 4)
    shown_skipped = cut(list(left_out), MAX_SKIPPED, MAX_OUTPUT // 4)
    return {
        key: shown_findings,
        "truncated": len(shown_findings) < len(findings),
        "skipped": shown_skipped,
        "skipped_total": len(left_out),
    }


def full(
    findings: Sequence[Finding], left_out: Sequence[dict[str, str]], *, key: str = "findings", **more: Any
) -> bytes:
    """Spell the report artifact: everything, and what else the agent has to say there."""
    document = {
        "version": 1,
        "summary": summary(findings),
        key: [one.shown() for one in findings],
        "skipped": list(left_out),
        **more,
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def cut(items: list[Any], most: int, size: int) -> list[Any]:
    """Answer the first items of a list: at most so many, and so many bytes of JSON."""
    kept: list[Any] = []
    for item in items[:most]:
        size -= len(json.dumps(item).encode()) + 1
        if size < 0:
            break
        kept.append(item)
    return kept
