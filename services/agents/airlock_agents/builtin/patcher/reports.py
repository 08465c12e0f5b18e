"""The whole reports of the agents that looked at the workspace: more than their outputs can list."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airlock_sdk import Failure

KINDS = ("findings", "issues", "violations")
SORTS = {"findings": "finding", "issues": "issue", "violations": "violation"}  # what one of a kind is called
MAX_REPORT_BYTES = 64 * 1024 * 1024  # 50,000 findings are some 25 MiB
MAX_ITEMS = 1000  # of each kind: as many as a list in the input may have

Item = dict[str, Any]
_LENGTHS = {"file": 1024, "package": 214, "fixed_in": 64}  # as the input's schema says


@dataclass(frozen=True, slots=True)
class Reported:
    """What reports list of each kind, as the input would have listed it, and how many more they have."""

    items: dict[str, list[Item]] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)  # by what one of them is called

    @property
    def not_read(self) -> int:
        """Count what no kind had room for."""
        return sum(self.unread.values())


def read_reports(paths: Sequence[Path], first: Callable[[Item], bool]) -> Reported:
    """Read at most MAX_ITEMS of each kind: first those that `first` holds for, else in their order.

    Whoever plants a thousand loud findings that no tool can mend thereby hides none that one could.

    Raises Failure for what is no report. What was written by an agent that read hostile files is read with
    the same care: an item of another form than the input's schema allows is no item.
    """
    kept = {kind: _Kept() for kind in KINDS}
    for number, path in enumerate(paths):
        document = _document(path, number)
        for kind in KINDS:
            items = document.get(kind, [])
            if not isinstance(items, list):
                raise _refused(number, f"its {kind} are no list")
            for one in items:
                if _is_item(one):
                    kept[kind].add(one, first=first(one))
    found = {kind: one.items() for kind, one in kept.items()}
    return Reported(found, {SORTS[kind]: len(kept[kind].seen) - len(found[kind]) for kind in KINDS})


class _Kept:
    """The items of one kind: all counted, each once, and no more kept than are answered."""

    def __init__(self) -> None:
        self.seen: set[str] = set()  # ids
        self._first: list[Item] = []
        self._others: list[Item] = []

    def add(self, one: Item, *, first: bool) -> None:
        kept = self._first if first else self._others
        if one["id"] not in self.seen and len(kept) < MAX_ITEMS:
            kept.append(one)
        self.seen.add(one["id"])

    def items(self) -> list[Item]:
        return [*self._first, *self._others][:MAX_ITEMS]


def _document(path: Path, number: int) -> dict[str, Any]:
    if path.is_dir():
        raise _refused(number, "it is a workspace")
    if path.stat().st_size > MAX_REPORT_BYTES:
        raise _refused(number, f"it is larger than {MAX_REPORT_BYTES} bytes")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _refused(number, "it is not JSON") from error
    if not isinstance(document, dict) or not any(kind in document for kind in KINDS):
        raise _refused(number, f"it has none of {', '.join(KINDS)}")
    return document


def _is_item(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and all(isinstance(one.get(name), str) and 0 < len(one[name]) <= 128 for name in ("id", "rule"))
        and all(_is(one.get(name), str) for name in _LENGTHS)
        and all(len(one.get(name) or "") <= most for name, most in _LENGTHS.items())
        and _is(one.get("line"), int)
        and (one.get("line") or 0) >= 0
        and all(_is(one.get(name), str) for name in ("tool", "type"))
        and all(isinstance(one.get(name, False), bool) for name in ("in_tests", "suppressed"))
        and _is(one.get("replacement"), dict)
    )


def _is(value: Any, kind: type) -> bool:
    """Tell whether a value is missing, null, or of a kind; a boolean is no number."""
    return value is None or (isinstance(value, kind) and not isinstance(value, bool))


def _refused(number: int, why: str) -> Failure:
    pointer = f"/reports/{number}"
    return Failure("agent.report_unreadable", f"{pointer}: {why}", details={"pointer": pointer})
