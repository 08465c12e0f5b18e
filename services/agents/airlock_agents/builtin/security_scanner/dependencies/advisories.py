"""Advisories in OSV's format: the few that ship with the scanner, or what the caller gives.

Source: the OSV schema, version 1.7 (ossf.github.io/osv-schema). Only what concerns a wanted package is kept.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...findings.severities import Severity
from .dependency import canonical
from .severity import severity_of
from .versions import UnknownVersion, key

BUILT_IN = Path(__file__).with_name("advisories.json")
MAX_ARRAY = 32 * 1024 * 1024  # bytes of one JSON document that holds them all
MAX_DOCUMENT = 2 * 1024 * 1024  # bytes of one advisory
MAX_DOCUMENTS = 500_000
MAX_UNPACKED = 2 * 1024 * 1024 * 1024  # bytes of an archive's documents together
_MAX_LIST = 5_000  # versions, ranges or events of one advisory

Package = tuple[str, str]  # ecosystem and name


class UnreadableAdvisories(Exception):
    """What was given as advisories is not what it should be; the message says in which way."""


@dataclass(frozen=True, slots=True)
class Range:
    """Versions from one, up to another: without it (`fixed`), or with it (`last`)."""

    introduced: str
    fixed: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Advisory:
    """What is known of one flaw in one package."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    versions: frozenset[str]
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Advisories:
    """What was read, by package, and what it was read from."""

    by_package: dict[Package, tuple[Advisory, ...]]
    documents: int
    unreadable: int
    newest: str  # the last time that any of them was changed, as they spell it


def load(path: Path, wanted: Collection[Package]) -> Advisories:
    """Read advisories: a JSON array, JSON lines, one document, a zip or tar of documents, or a folder.

    Raises UnreadableAdvisories for anything else, or too much of it.
    """
    by_package: dict[Package, list[Advisory]] = {}
    documents = unreadable = 0
    newest = ""
    try:
        for document in _documents(path):
            documents += 1
            if documents > MAX_DOCUMENTS:
                raise UnreadableAdvisories(f"more than {MAX_DOCUMENTS} advisories")
            if not isinstance(document, dict) or not isinstance(document.get("id"), str):
                unreadable += 1
                continue
            modified = document.get("modified")
            newest = max(newest, modified[:32] if isinstance(modified, str) else "")
            if not document.get("withdrawn"):
                for package, advisory in _concerning(document, wanted):
                    by_package.setdefault(package, []).append(advisory)
    except (OSError, ValueError, EOFError, tarfile.TarError, zipfile.BadZipFile, RecursionError) as error:
        raise UnreadableAdvisories(f"neither JSON nor an archive of it ({type(error).__name__})") from error
    if documents == unreadable:
        raise UnreadableAdvisories("there is no advisory in it")
    return Advisories({one: tuple(found) for one, found in by_package.items()}, documents, unreadable, newest)


def _documents(path: Path) -> Iterator[Any]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            with file.open("rb") as source:
                yield from _all_of(source, MAX_ARRAY)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            total = 0
            for info in archive.infolist():
                if not info.is_dir() and info.filename.endswith(".json"):
                    with archive.open(info) as source:
                        raw = _bounded(source, MAX_DOCUMENT)
                    total = _counted(total, raw)
                    yield json.loads(raw)
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            total = 0
            for member in archive:
                entry = (
                    archive.extractfile(member) if member.isfile() and member.name.endswith(".json") else None
                )
                if entry is not None:
                    raw = _bounded(entry, MAX_DOCUMENT)
                    total = _counted(total, raw)
                    yield json.loads(raw)
    else:
        with path.open("rb") as source:
            yield from _all_of(source, MAX_ARRAY)


def _all_of(source: IO[bytes], most: int) -> Iterator[Any]:
    raw = _bounded(source, most).strip()
    try:
        whole = json.loads(raw)
    except ValueError:
        lines = raw.split(b"\n")
        if len(lines) < 2:
            raise
        yield from (json.loads(line) for line in lines if line.strip())
        return
    if isinstance(whole, dict) and isinstance(whole.get("vulns"), list):
        whole = whole["vulns"]
    yield from whole if isinstance(whole, list) else [whole]


def _bounded(source: IO[bytes], most: int) -> bytes:
    raw = source.read(most + 1)
    if len(raw) > most:
        raise UnreadableAdvisories(f"a document of more than {most} bytes; give an archive of single ones")
    return raw


def _counted(total: int, raw: bytes) -> int:
    if total + len(raw) > MAX_UNPACKED:
        raise UnreadableAdvisories(f"more than {MAX_UNPACKED} bytes of documents")
    return total + len(raw)


def _concerning(document: dict[str, Any], wanted: Collection[Package]) -> Iterator[tuple[Package, Advisory]]:
    for affected in _list(document.get("affected")):
        named = affected.get("package") if isinstance(affected, dict) else None
        if not isinstance(named, dict) or not isinstance(named.get("name"), str):
            continue
        ecosystem = str(named.get("ecosystem", "")).split(":", 1)[0]
        package = (ecosystem, canonical(ecosystem, named["name"]))
        if package in wanted:
            yield package, _advisory(document, affected, ecosystem)


def _advisory(document: dict[str, Any], affected: dict[str, Any], ecosystem: str) -> Advisory:
    summary = document.get("summary") or str(document.get("details", "")).strip().split("\n", 1)[0]
    return Advisory(
        id=str(document["id"])[:64],
        aliases=tuple(str(one)[:64] for one in _list(document.get("aliases"))[:20]),
        summary=str(summary)[:300],
        severity=severity_of(document),
        versions=frozenset(str(one) for one in _list(affected.get("versions"))),
        ranges=tuple(one for found in _list(affected.get("ranges")) for one in _ranges(found, ecosystem)),
    )


def _ranges(found: Any, ecosystem: str) -> Iterator[Range]:
    """Answer the ranges that a list of events spells; commits (GIT) are no versions."""
    if not isinstance(found, dict) or found.get("type") not in ("SEMVER", "ECOSYSTEM"):
        return
    since: str | None = None
    mended: str | None = None  # what has no range before it: one that begins there is empty
    for event in _ordered(found, ecosystem):
        fixed, last = event.get("fixed"), event.get("last_affected")
        if "introduced" in event:
            # Of two that overlap the second adds nothing, as the format's own way to evaluate them has it.
            if since is None and (introduced := str(event["introduced"])) != mended:
                since = introduced
        elif since is None:
            mended = None if fixed is None else str(fixed)
        elif "fixed" in event or "last_affected" in event:
            yield Range(since, None if fixed is None else str(fixed), None if last is None else str(last))
            since = None
    if since is not None:
        yield Range(since)


def _ordered(found: dict[str, Any], ecosystem: str) -> list[dict[str, Any]]:
    """Sort events by their versions: the format leaves their order open (OSV schema, ranges[].events)."""
    events = [one for one in _list(found.get("events")) if isinstance(one, dict) and one]

    def place(event: dict[str, Any]) -> tuple[Any, ...]:
        name, version = next(iter(event.items()))
        if version == "0":
            return (0,)
        # A range may begin where another is mended; the last of one is so after it was introduced.
        rank = {"fixed": 0, "introduced": 1}.get(name, 2)
        return (1, key("npm" if found["type"] == "SEMVER" else ecosystem, str(version)), rank)

    try:
        return sorted(events, key=place)
    except UnknownVersion:
        return events  # nobody can order them: as they are written


def _list(value: Any) -> list[Any]:
    return value[:_MAX_LIST] if isinstance(value, list) else []
