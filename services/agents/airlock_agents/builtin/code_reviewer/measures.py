"""Metrics: what one file gives, and what all of them give together."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .functions import Measured

WORST = 20  # functions that are shown
_RUN = 6  # lines; shorter ones are alike by chance
_MAX_RUNS = 2_000_000  # of the workspace: 16 MB of digests
_SPACE = re.compile(r"\s+")
_TELLING = re.compile(r"\w.*\w")  # a line of brackets only tells nothing
_REMINDER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


@dataclass(frozen=True, slots=True)
class FileMeasures:
    """One file in numbers."""

    file: str  # printable
    language: str | None = None
    lines: int = 0
    comments: int = 0  # lines that have one
    reminders: int = 0  # TODO, FIXME and the like
    functions: tuple[Measured, ...] = ()
    runs: array[int] = field(default_factory=lambda: array("Q"))  # digests of runs of six lines


def measure_text(file: str, language: str | None, text: str, code: str, comments: int) -> FileMeasures:
    """Count a file's lines; `code` is its text with comments and strings blanked out."""
    lines = text.count("\n") + (not text.endswith("\n") if text else 0)
    if language is None:
        return FileMeasures(file, None, lines, 0, 0)
    reminders = len(_REMINDER.findall(text))
    return FileMeasures(file, language, lines, comments, reminders, (), _runs(text, code))


def _runs(text: str, code: str) -> array[int]:
    telling = [
        _SPACE.sub(" ", line).strip()
        for line, bare in zip(text.split("\n"), code.split("\n"), strict=False)
        if _TELLING.search(bare)
    ]
    found = array("Q")
    for start in range(len(telling) - _RUN + 1):
        run = "\n".join(telling[start : start + _RUN]).encode("utf-8", "surrogatepass")
        found.append(int.from_bytes(hashlib.blake2b(run, digest_size=8).digest(), "big"))
    return found


def metrics(files: Sequence[FileMeasures], limit: int) -> dict[str, Any]:
    """Answer the metrics of all files as they stand in the output; `limit` is of a function's complexity."""
    functions = [(one.file, each) for one in files for each in one.functions]
    complexity = [each.complexity for _, each in functions]
    worst = sorted(functions, key=lambda one: (-one[1].complexity, -one[1].length, one[0], one[1].line))
    lines = sum(one.lines for one in files)
    in_code = sum(one.lines for one in files if one.language is not None)
    return {
        "lines": lines,
        "functions": len(functions),
        "complexity": {
            "mean": _ratio(sum(complexity), len(complexity)),
            "max": max(complexity, default=0),
            "limit": limit,
            "over_limit": sum(one > limit for one in complexity),
        },
        "worst": [_shown(file, each) for file, each in worst[:WORST]],
        "comment_ratio": _ratio(sum(one.comments for one in files), in_code),
        "duplicated_ratio": _duplicated(files),
        "reminders": sum(one.reminders for one in files),
        "languages": _languages(files),
    }


def _shown(file: str, one: Measured) -> dict[str, Any]:
    return {
        "file": file,
        "line": one.line,
        "name": one.name,
        "complexity": one.complexity,
        "length": one.length,
        "arguments": one.arguments,
        "nesting": one.nesting,
    }


def _languages(files: Iterable[FileMeasures]) -> dict[str, dict[str, int]]:
    counted: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for one in files:
        name = one.language or "other"
        counted[name] += 1
        lines[name] += one.lines
    return {name: {"files": counted[name], "lines": lines[name]} for name in sorted(counted)}


def _duplicated(files: Sequence[FileMeasures]) -> float:
    """Answer which part of all runs of six telling lines stands somewhere else, too."""
    seen: Counter[int] = Counter()
    total = 0
    for one in files:
        taken = one.runs[: max(0, _MAX_RUNS - total)]
        total += len(taken)
        seen.update(taken)
    return _ratio(sum(count for count in seen.values() if count > 1), total)


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0
