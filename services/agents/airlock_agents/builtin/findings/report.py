"""What an agent says of its findings: the bounded answer, and the whole of it as an artifact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .finding import Finding, Inspected

MAX_FINDINGS = 200  # in the output; all are in the report
MAX_SKIPPED = 100
MAX_OUTPUT = 400 * 1024  # bytes of both lists; the manifest allows 512 KiB


def skipped(inspected: Sequence[Inspected]) -> list[dict[str, str]]:
    """List the files that were not, or not wholly, looked at."""
    return [{"file": one.file, "reason": one.skipped} for one in inspected if one.skipped is not None]


def bounded(
    key: str,
    findings: Sequence[Finding],
    left_out: Sequence[dict[str, str]],
    *,
    total: int,
    size: int = MAX_OUTPUT,
) -> dict[str, Any]:
    """Answer the lists as they stand in the output, each cut where it grows beyond its bound.

    `key` is what the agent calls its findings, `total` is how many there are, with those that not even the
    report holds; the lists may have `size` bytes together.
    """
    shown_findings = cut([one.shown() for one in findings[:MAX_FINDINGS]], MAX_FINDINGS, size * 3 // 4)
    shown_skipped = cut(list(left_out), MAX_SKIPPED, size // 4)
    return {
        key: shown_findings,
        "truncated": len(shown_findings) < total,
        "report_truncated": len(findings) < total,
        "skipped": shown_skipped,
        "skipped_total": len(left_out),
    }


def full(
    key: str, findings: Sequence[Finding], left_out: Sequence[dict[str, str]], *, total: int, **more: Any
) -> bytes:
    """Spell the report artifact: everything that was kept, and what else the agent has to say there."""
    document = {
        "version": 1,
        **more,
        "truncated": len(findings) < total,
        key: [one.shown() for one in findings],
        "skipped": list(left_out),
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
