"""The table of licences in the answer: who is under what, and what is unknown."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .families import family
from .judgement import Licences
from .names import alternatives, understood

MAX_ROWS = 100
_COLUMNS = ("texts", "headers", "manifests", "dependencies")


def table(seen: Licences) -> dict[str, Any]:
    """Count files' and dependencies' licences by SPDX id; what cannot be read is counted as unknown."""
    counts: dict[str, Counter[str]] = {one: Counter() for one in _COLUMNS}
    unknown: Counter[str] = Counter()
    for text in seen.texts.values():
        counts["texts"].update(text.ids)
        unknown["texts"] += not text.ids
    declared = {
        "headers": [one.expression for one in seen.headers.values() if one.expression is not None],
        "manifests": [one.licence for one in seen.manifests.values() if one.licence is not None],
        "dependencies": [one.licence for one in _distinct(seen)],
    }
    for column, licences in declared.items():
        for licence in licences:
            meant = understood(licence) if licence is not None else None
            unknown[column] += meant is None
            if meant is not None:
                counts[column].update({id for choice in alternatives(meant) for id in choice})
    ids = sorted({id for column in counts.values() for id in column})
    rows = [{"id": id, "family": family(id), **{one: counts[one][id] for one in _COLUMNS}} for id in ids]
    rows.sort(key=lambda row: (-sum(int(str(row[one])) for one in _COLUMNS), str(row["id"])))
    return {
        "project": sorted(seen.own())[:20],
        "by_id": rows[:MAX_ROWS],
        "unknown": {one: unknown[one] for one in _COLUMNS},
        "dependencies_total": len(_distinct(seen)),
        "files_without_header": sum(one.expression is None for one in seen.headers.values()),
    }


def _distinct(seen: Licences) -> list[Any]:
    found = {(one.name, one.version, one.licence): one for _, one in seen.dependencies}
    return list(found.values())
