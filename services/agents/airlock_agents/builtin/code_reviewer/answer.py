"""What the reviewer says in the end: the bounded answer, and the whole of it in two artifacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from airlock_sdk import Context
from airlock_sdk.artifact import JSON, SARIF

from ..findings import report
from ..findings.collection import Collection
from ..findings.sarif import sarif
from .issue import TYPES, Issue
from .measures import metrics
from .review_file import Reviewed
from .sieve import OUTSIDE_DIFF

VERSION = "2.3.0"
MAX_FILES = 200  # names in the output; all are in the report
_FILES_BYTES = 48 * 1024


def answer(
    found: Collection[Issue], reviewed: Sequence[Reviewed], *, limit: int, ctx: Context
) -> dict[str, Any]:
    """Write the artifacts and answer the output; `limit` is of complexity."""
    files = [one.file for one in reviewed if one.seen]
    left_out = report.skipped(reviewed)
    issues = found.loudest()
    counts = found.summary(TYPES) | {"outside_diff": found.counts[OUTSIDE_DIFF]}
    total = counts["total"]
    head = {
        "summary": counts,
        "metrics": metrics([one.measures for one in reviewed if one.measures is not None], limit),
    }
    full = report.full("issues", issues, left_out, total=total, files=files, **head)
    log = json.dumps(_sarif(issues), ensure_ascii=False).encode()
    ctx.log("info", "review.finished", files=len(files), skipped=len(left_out), **counts)
    return {
        **head,
        "files_reviewed": len(files),
        "files": report.cut(files, MAX_FILES, _FILES_BYTES),
        **report.bounded("issues", issues, left_out, total=total),
        "report": ctx.put_artifact("review.json", full, JSON),
        "sarif": ctx.put_artifact("review.sarif", log, SARIF),
    }


def _sarif(issues: Sequence[Issue]) -> dict[str, Any]:
    advised = [replace(one, message=f"{one.message} {one.suggestion}") for one in issues]
    types = {one.rule: one.type for one in issues}
    return sarif(advised, "code-reviewer", VERSION, kind=lambda one: types[one.rule])
