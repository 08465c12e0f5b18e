"""What the reviewer says in the end: the bounded answer, and the whole of it in two artifacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from airlock_sdk import Context
from airlock_sdk.artifact import JSON, SARIF

from ..findings import report
from ..findings.finding import named
from ..findings.sarif import sarif
from .collection import MAX_ISSUES, Collection
from .issue import Issue
from .measures import metrics
from .review_file import Reviewed

VERSION = "1.0.0"
MAX_FILES = 200  # names in the output; all are in the report
_FILES_BYTES = 48 * 1024


def answer(
    found: Collection,
    reviewed: Sequence[Reviewed],
    *,
    files: Sequence[str],
    limit: int,
    ctx: Context,
) -> dict[str, Any]:
    """Write the artifacts and answer the output; `limit` is of complexity."""
    measures = [one.measures for one in reviewed if one.measures is not None]
    left_out = report.skipped(reviewed)
    counts = found.summary()
    measured = metrics(measures, limit)
    kept = cast("list[Issue]", named(found.kept))[:MAX_ISSUES]
    document = {
        "version": 1,
        "summary": counts,
        "metrics": measured,
        "issues": [one.shown() for one in kept],
        "files": list(files),
        "skipped": left_out,
    }
    log = json.dumps(_sarif(kept), ensure_ascii=False).encode()
    ctx.log("info", "review.finished", files=len(files), skipped=len(left_out), **counts)
    return {
        "summary": counts,
        "metrics": measured,
        "files_reviewed": len(files),
        "files": report.cut(list(files), MAX_FILES, _FILES_BYTES),
        **report.bounded(kept, left_out, key="issues"),
        "report": ctx.put_artifact("review.json", json.dumps(document, ensure_ascii=False).encode(), JSON),
        "sarif": ctx.put_artifact("review.sarif", log, SARIF),
    }


def _sarif(issues: Sequence[Issue]) -> dict[str, Any]:
    advised = [replace(one, message=f"{one.message} {one.suggestion}") for one in issues]
    types = {one.rule: one.type for one in issues}
    return sarif(advised, "code-reviewer", VERSION, kind=lambda one: types[one.rule])
