"""Which pinned dependencies have a known flaw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from airlock_sdk.printable import one_line

from ...findings.finding import MAX_MESSAGE, Finding
from .advisories import BUILT_IN, Advisories, Advisory, Range, load
from .dependency import Dependency
from .versions import UnknownVersion, key

MAX_PACKAGE = 214  # characters: as long as npm lets a name be
MAX_VERSION = 64
Placed = tuple[str, Dependency]  # the file it stands in, printable, and what stands there


@dataclass(frozen=True, slots=True)
class Matched:
    """The findings, and what they rest on."""

    findings: tuple[Finding, ...]
    checked: int  # dependencies that were compared
    data: tuple[dict[str, Any], ...]


def match(placed: Sequence[Placed], given: Sequence[Advisories]) -> tuple[Finding, ...]:
    """Answer a finding for each flaw of each dependency; where advisories are the same by an alias, one."""
    findings = []
    for file, one in placed:
        known: list[set[str]] = []
        for advisories in given:
            for advisory in advisories.by_package.get((one.ecosystem, one.name), ()):
                names = {advisory.id, *advisory.aliases}
                if affects(advisory, one) and not any(names & seen for seen in known):
                    known.append(names)
                    findings.append(_finding(file, one, advisory))
    return tuple(findings)


def believed(placed: Sequence[Placed]) -> Iterator[Placed]:
    """Leave out what a manifest asks for where a lock file beside it says what is installed."""
    locked = {(PurePath(file).parent, one.ecosystem) for file, one in placed if one.locked}
    for file, one in placed:
        if one.locked or (PurePath(file).parent, one.ecosystem) not in locked:
            yield file, one


def match_all(placed: Sequence[Placed], given: Path | None) -> Matched:
    """Match dependencies with the built-in advisories, and with those that were given (a file or folder)."""
    kept = list(believed(placed))
    wanted = {(one.ecosystem, one.name) for _, one in kept}
    sources = [] if given is None else [("given", load(given, wanted))]
    sources.append(("built-in", load(BUILT_IN, wanted)))
    data = tuple(
        {"source": name, "documents": one.documents, "unreadable": one.unreadable, "newest": one.newest}
        for name, one in sources
    )
    return Matched(match(kept, [one for _, one in sources]), len(kept), data)


def affects(advisory: Advisory, one: Dependency) -> bool:
    """Tell whether a version is among those that an advisory names; a version nobody can order is not."""
    if one.version in advisory.versions:
        return True
    return any(_within(found, one) for found in advisory.ranges)


def _within(found: Range, one: Dependency) -> bool:
    try:
        version = key(one.ecosystem, one.version)
        if found.introduced != "0" and version < key(one.ecosystem, found.introduced):
            return False
        if found.fixed is not None:
            return bool(version < key(one.ecosystem, found.fixed))
        return found.last is None or bool(version <= key(one.ecosystem, found.last))
    except UnknownVersion:
        return False


def _finding(file: str, one: Dependency, advisory: Advisory) -> Finding:
    names = sorted({advisory.id, *advisory.aliases}, key=lambda name: (not name.startswith("CVE-"), name))
    mended = {found.fixed for found in advisory.ranges if found.fixed and _within(found, one)}
    fixed = sorted(mended, key=lambda version: key(one.ecosystem, version))  # each was compared with it
    mend = f" Fixed in {fixed[0]}." if fixed else " No fixed version is named."
    said = f"{one.name} {one.version}: {advisory.summary.rstrip('.')}.{mend}"
    return Finding(
        rule=names[0],
        severity=advisory.severity,
        confidence="HIGH",
        file=file,
        line=one.line,
        message=one_line(" ".join(said.split()), MAX_MESSAGE),
        tool="osv",
        also=tuple(names[1:]),
        anchor=f"{one.ecosystem} {one.name}",
        more=_named(one.name, fixed),
    )


def _named(package: str, fixed: Sequence[str]) -> dict[str, str]:
    """Say for programs what has the flaw, and from which version on it has not; never a part of a name."""
    found = {"package": package, "fixed_in": fixed[0] if fixed else ""}
    whole = {"package": MAX_PACKAGE, "fixed_in": MAX_VERSION}
    return {name: text for name, text in found.items() if text and one_line(text, whole[name]) == text}
