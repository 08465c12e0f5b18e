"""What agents that look at code found in a run: counts side by side, then the worst of each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from rich.console import Console
from rich.table import Table

from .text import one_line, plain, safe, status


class Severity(StrEnum):
    """How bad a finding is, the worst first."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


SEVERITIES = tuple(Severity)
# What agents call what they find, and the key of how many files they looked at.
_KINDS = {"findings": "files_scanned", "issues": "files_reviewed", "violations": "files_checked"}
_BELOW_FLOOR = ("in_tests_below_floor", "samples_below_floor")
_ADVISORY = re.compile(r"(CVE|GHSA|PYSEC)-", re.ASCII)
_DOCS = frozenset({"doc", "docs", "documentation"})
_TESTS = frozenset({"test", "tests", "__tests__"})
_PROSE = frozenset({".md", ".rst", ".adoc"})


@dataclass(frozen=True, slots=True)
class Unseen:
    """A file or folder that an agent did not look at, or not wholly."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Check:
    """One agent's word about the code."""

    node: str
    kind: str
    """findings, issues or violations."""
    counts: Mapping[str, int]
    """By severity, of all."""
    suppressed: int
    """Those that the code asks tools to overlook."""
    files: int
    listed: Sequence[Mapping[str, Any]]
    """Those that its output lists, the worst first: the first 200."""
    unseen: Sequence[Unseen] = ()
    """What it did not look at, or not wholly: those that its output lists."""
    unseen_total: int = 0
    report_lacks: bool = False
    """Not even its report has all that it found."""
    below_floor: int = 0
    """Left out by the least severity that was asked for only because of where they stand, or look like."""
    aside: int = 0
    """Those that would fail the check, stood they not in tests or in others' code."""

    @property
    def softened(self) -> int:
        """Of those listed: how many stand in tests or in others' code, where agents speak softer."""
        return sum(one.get("in_tests") is True or one.get("vendored") is True for one in self.listed)

    @property
    def places(self) -> frozenset[tuple[str, int]]:
        """Files and lines of those that are listed."""
        return frozenset((one["file"], one["line"]) for one in self.listed if one.get("file"))


def checks(outputs: Mapping[str, Any]) -> list[Check]:
    """What those outputs say that list findings, whatever agent they are of."""
    found = []
    for node, output in outputs.items():
        for kind, files in _KINDS.items():
            if not _lists(output, kind):
                continue
            summary = _members(output.get("summary"))
            listed = sorted(output[kind], key=worth)
            said = _members(summary.get("by_severity"))
            counts = _counted(listed)
            if said:
                counts = {str(name): _number(said.get(name)) for name in SEVERITIES}
            silenced, looked_at = _number(summary.get("suppressed")), _number(output.get(files))
            unseen = _unseen(output)
            total = max(_number(output.get("skipped_total")), len(unseen))
            lacks = output.get("report_truncated") is True
            below = sum(_number(summary.get(name)) for name in _BELOW_FLOOR)
            aside = _number(summary.get("aside_below_fail_on"))
            found.append(
                Check(node, kind, counts, silenced, looked_at, listed, unseen, total, lacks, below, aside)
            )
    return found


def _unseen(output: Mapping[str, Any]) -> tuple[Unseen, ...]:
    """What an output lists as skipped; whatever else stands there is nothing to show."""
    said = output.get("skipped")
    rows = [_members(row) for row in (said if isinstance(said, list) else ())]
    return tuple(Unseen(str(row["file"]), str(row.get("reason", ""))) for row in rows if row.get("file"))


def worth(found: Mapping[str, Any]) -> tuple[int, bool, bool]:
    """By what findings are sorted: severity, what has an advisory, code before tests and documents."""
    also = found.get("also")
    names = [found["rule"], *(also if isinstance(also, list) else ())]
    known = any(_ADVISORY.match(str(name)) for name in names)
    return SEVERITIES.index(found["severity"]), not known, _is_beside(found)


def _is_beside(found: Mapping[str, Any]) -> bool:
    """Whether a finding stands in tests or in what is written for people."""
    path = PurePosixPath(str(found.get("file") or ""))
    folders = {part.lower() for part in path.parts[:-1]}
    return bool(found.get("in_tests")) or path.suffix in _PROSE or not folders.isdisjoint(_DOCS | _TESTS)


def _lists(output: object, kind: str) -> bool:
    if not isinstance(output, dict) or not isinstance(output.get(kind), list):
        return False
    return all(
        isinstance(one, dict) and one.get("severity") in SEVERITIES and {"rule", "message"} <= one.keys()
        for one in output[kind]
    )


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _counted(listed: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {name: sum(one["severity"] == name for one in listed) for name in SEVERITIES}


def show_counts(console: Console, said: Sequence[Check], *, nodes: bool = False) -> None:
    """Print how many each agent found; with `nodes` also in which node."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in (*SEVERITIES, "files", "silenced", "unseen"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in said:
        counts = [str(one.counts.get(severity, 0)) for severity in SEVERITIES]
        name = f"{one.node}: {one.kind}" if nodes else one.kind
        table.add_row(safe(name), *counts, str(one.files), str(one.suppressed), str(one.unseen_total))
    console.print(table)
    console.print(safe("silenced: those that the code asks tools to overlook; they count", style="dim"))
    console.print(safe("unseen: files and folders that were not looked at, or not wholly", style="dim"))
    for one in said:
        if one.softened:
            softer = f"of those listed {one.softened} in tests or others' code, where most are told softer"
            console.print(safe(f"{one.node}: {softer}", style="dim"), soft_wrap=True)
        if one.below_floor:
            below = f"left out only as they stand in tests or look like samples: {one.below_floor} more"
            console.print(safe(f"{one.node}: {below}", style="dim"), soft_wrap=True)
        if one.aside:
            aside = f"{one.aside} would fail it, stood they not in tests or others' code"
            console.print(safe(f"{one.node}: {aside}", style="dim"), soft_wrap=True)


def show_worst(
    console: Console,
    said: Check,
    limit: int,
    *,
    whole: str,
    floor: Severity = Severity.LOW,
    rule: str | None = None,
) -> None:
    """Print the worst of one node, a line for each rule with its first place; of one `rule` every place.

    Places stand whole, messages give way. `whole` says who has all.
    """
    loud = SEVERITIES[: SEVERITIES.index(floor) + 1]
    listed = [one for one in said.listed if one["severity"] in loud and rule in (None, one["rule"])]
    groups = by_rule(listed) if rule is None else [[one] for one in listed]
    shown = groups[:limit]
    if not shown:
        return
    console.print()
    times = max(len(_times(group)) for group in shown)
    width = max(len(place(group[0])) for group in shown)
    for group in shown:
        first = group[0]
        line = status(first["severity"])
        line.append(" " * (10 - len(first["severity"])), style="default")
        line.append(_times(group).rjust(times) + ("  " if times else ""), style="default not bold")
        line.append(plain(place(first)).ljust(width), style="default not bold")
        line.append("  " + one_line(f"{first['rule']} {first['message']}", 400), style="dim")
        if console.is_terminal:
            line.truncate(max(console.width, times + width + 14), overflow="ellipsis")
        console.print(line, soft_wrap=True)
    counted = len(listed) if rule is not None else sum(said.counts.get(name, 0) for name in loud)
    left = counted - sum(len(group) for group in shown)
    if left > 0:
        console.print(safe(f"and {left} more {said.kind}: {whole}", style="dim"))
    if said.report_lacks:
        lacks = f"not even the report of {said.node} has all {said.kind}: it has the most severe"
        console.print(safe(lacks, style="yellow"))


def by_rule(listed: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Those of one severity and one rule together, in the order of the first of each."""
    groups: dict[tuple[object, object], list[Mapping[str, Any]]] = {}
    for one in listed:
        groups.setdefault((one["severity"], one["rule"]), []).append(one)
    return list(groups.values())


def _times(group: Sequence[object]) -> str:
    return f"{len(group)} x" if len(group) > 1 else ""


def place(found: Mapping[str, Any]) -> str:
    """Where a finding is; what a whole repository lacks stands in no file."""
    if not found.get("file"):
        return "the repository"
    line = found.get("line")
    return one_line(f"{found['file']}:{line}" if line else found["file"], 200)
