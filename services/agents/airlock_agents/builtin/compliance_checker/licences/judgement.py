"""Judges licences over the whole tree: what the repository is under, and whether everything fits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...findings.severities import Severity
from ..facts import Breach, Dependency, LicenceText, Manifest, SourceHeader
from ..policy import Policy
from .families import (
    DENIED_ANYWHERE,
    DENIED_IN_PROPRIETARY,
    acceptable,
    allowed,
    bare,
    family,
    kindest,
)
from .names import alternatives, understood, versions
from .texts import PROPRIETARY

_SHARE = 0.5  # of the source files with a header, from which on it is the custom
_FEW = 3
_ELSEWHERE = "see license in"


@dataclass
class Licences:
    """What the tree says about licences, by the files that say it; others' code is not in `headers`."""

    texts: dict[str, LicenceText] = field(default_factory=dict)
    headers: dict[str, SourceHeader] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    dependencies: list[tuple[str, Dependency]] = field(default_factory=list)
    project: str | None = None  # what the caller says that it is under

    def own(self) -> frozenset[str]:
        """Answer the licences of the repository, each without what texts do not tell; none if unknown."""
        if self.project is not None:
            return _ids(self.project)
        top = [one for path, one in self.texts.items() if _top(path)]
        if found := {id for one in top for id in one.ids}:
            return frozenset(found)
        declared = [one for path, one in sorted(self.manifests.items()) if "/" not in path]
        for one in declared:
            if one.licence is not None and (meant := understood(one.licence)) is not None:
                return _ids(meant)
        return frozenset()


def judge(seen: Licences, policy: Policy) -> Iterator[Breach]:
    """Say where licences are missing, unknown, or at odds with each other."""
    top = sorted(path for path in seen.texts if _top(path))
    if not top:
        yield Breach("licences.text-missing", 0, "There is no LICENSE at the top.", file="LICENSE")
    elif not any(seen.texts[path].ids for path in top):
        said = f"{top[0]} is not the text of a licence that is known."
        yield Breach("licences.text-unrecognised", 1, said, file=top[0], confidence="MEDIUM")
    for path, manifest in sorted(seen.manifests.items()):
        yield from _manifest(path, manifest, seen)
    yield from _headers(seen, policy)
    yield from _dependencies(seen, policy)


def _manifest(path: str, manifest: Manifest, seen: Licences) -> Iterator[Breach]:
    if manifest.licence is None:
        # A setup.py beside it may declare what this one does not; it is a program and is not read.
        program = f"{path.rpartition('/')[0]}/setup.py".lstrip("/")
        if not manifest.private and program not in seen.headers:
            said = f"The {manifest.ecosystem} manifest declares no licence."
            yield Breach("licences.undeclared", 1, said, file=path)
        return
    declared = understood(manifest.licence)
    if declared is None:
        if not manifest.licence.lower().startswith(_ELSEWHERE):
            said = f"{manifest.licence[:80]!r} is no SPDX expression."
            yield Breach("licences.expression-invalid", manifest.line, said, file=path)
        return
    folder = path.rpartition("/")[0]
    near = [one for name, one in seen.texts.items() if folder and name.rpartition("/")[0] == folder]
    texts = near or [one for name, one in seen.texts.items() if _top(name)]
    found = {id for one in texts for id in one.ids}
    if found and not _texts_of(declared) & found:
        said = f"The manifest says {declared}, the licence text is {', '.join(sorted(found))}."
        # A package deep inside may be somebody else's: the text at the top need not be about it.
        softer: Severity | None = "MEDIUM" if folder and not near else None
        yield Breach(
            "licences.disagree", manifest.line, said, softer, "MEDIUM" if softer else "HIGH", file=path
        )


def _headers(seen: Licences, policy: Policy) -> Iterator[Breach]:
    marked = sum(one.expression is not None for one in seen.headers.values())
    always = policy.option("licences.header-missing", "when") == "always"
    custom = marked >= _FEW and marked >= _SHARE * len(seen.headers)
    own = seen.own()
    for path, header in sorted(seen.headers.items()):
        if header.expression is None:
            if always or custom:
                yield Breach("licences.header-missing", 1, "The file does not name its licence.", file=path)
        elif own and (named := understood(header.expression)) and not _texts_of(named) & own:
            said = f"The file is under {named}, the repository under {', '.join(sorted(own))}."
            yield Breach("licences.header-disagrees", header.line, said, file=path)


def _dependencies(seen: Licences, policy: Policy) -> Iterator[Breach]:
    own = seen.own()
    secret = not own or PROPRIETARY in own
    denied = policy.denied
    if denied is None:
        denied = DENIED_IN_PROPRIETARY if secret else DENIED_ANYWHERE
    permissive = bool(own) and all(family(one) == "permissive" for one in own)
    silent = _silent_files(seen.dependencies)
    told: set[tuple[str, str, str | None]] = set()
    for path, one in seen.dependencies:
        key = (one.name, one.version, one.licence)
        if key in told or path in silent:
            continue
        told.add(key)
        yield from _dependency(path, one, denied, policy.allowed, permissive)
    for path, count in sorted(silent.items()):
        said = f"None of its {count} dependencies has a licence declared here."
        yield Breach("licences.dependency-unknown", 1, said, file=path)


def _dependency(
    path: str, one: Dependency, denied: Sequence[str], names: Sequence[str], permissive: bool
) -> Iterator[Breach]:
    shown = f"{one.name} {one.version}".strip()[:120]
    meant = understood(one.licence) if one.licence is not None else None
    softer: Severity | None = "LOW" if one.development else None
    if meant is None:
        what = (
            f"declares {one.licence[:60]!r}, which is no known licence"
            if one.licence
            else "declares no licence"
        )
        yield Breach("licences.dependency-unknown", one.line, f"{shown} {what}.", file=path)
    elif not acceptable(meant, denied):
        rule = "licences.dependency-denied"
        yield Breach(rule, one.line, f"{shown} is under {meant}, which is ruled out.", softer, file=path)
    elif names and not allowed(meant, names):
        said = f"{shown} is under {meant}, which is not on the list."
        yield Breach("licences.dependency-not-allowed", one.line, said, softer, file=path)
    elif permissive and kindest(meant) == "strong":
        said = f"{shown} is under {meant}: strong copyleft."
        yield Breach("licences.dependency-copyleft", one.line, said, softer, file=path)


def _silent_files(dependencies: Sequence[tuple[str, Dependency]]) -> dict[str, int]:
    """Answer the lock files that name no licence at all: older formats; one violation says it for all."""
    total = Counter(path for path, _ in dependencies)
    speaking = {path for path, one in dependencies if one.licence is not None}
    return {path: count for path, count in total.items() if count > 1 and path not in speaking}


def _ids(expression: str) -> frozenset[str]:
    return frozenset(bare(one) for choice in alternatives(expression) for one in choice)


def _texts_of(expression: str) -> frozenset[str]:
    """Answer the licences whose texts fit an expression: a later version's does, where that will do."""
    choices = alternatives(expression)
    return frozenset(bare(text) for choice in choices for one in choice for text in versions(one))


def _top(path: str) -> bool:
    return "/" not in path or path.rpartition("/")[0] in ("LICENSES", "licenses", "LICENCES")
