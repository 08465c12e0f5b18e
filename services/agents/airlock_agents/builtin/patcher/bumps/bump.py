"""A wish for a newer version, and the constraint that is raised for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from airlock_sdk.printable import one_line
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..reason import Reason, Satisfied

Ecosystem = Literal["python", "npm"]

_NAMED = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?")
_CLAUSE = re.compile(r"(~=|===|==|!=|<=|>=|<|>)\s*([^\s,;()]+)")
_SIMPLE = re.compile(r"(\^|~|>=|={1,2}|v|)(\s*)(v?\d+(?:\.\d+){0,2}(?:[-+][0-9A-Za-z.+-]+)?)")
_SEMVER = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_VERSION = re.compile(r"v?\d[0-9A-Za-z.+!-]{0,63}")
_MAX_NAME, _MAX_VERSION = 100, 64  # characters that a note shows
_LOWER = ("==", "===", "~=", ">=", ">")


@dataclass(frozen=True, slots=True)
class Bump:
    """A dependency that shall have at least this version."""

    id: str
    name: str
    to: str
    ecosystem: Ecosystem | None = None  # where the name is looked for; None: in both
    file: str | None = None  # None: wherever it is declared, if that is one file

    @property
    def rank(self) -> Version:
        """Answer the version for sorting; what is none comes first."""
        try:
            return Version(self.to)
        except InvalidVersion:
            return Version("0.dev0")

    def means(self, name: str, ecosystem: Ecosystem) -> bool:
        """Tell whether a declared name is this dependency."""
        if self.ecosystem not in (None, ecosystem):
            return False
        if ecosystem == "npm":
            return name == self.name
        return bool(canonicalize_name(name) == canonicalize_name(self.name))


def major_note(bump: Bump, before: str, after: str) -> str | None:
    """Say that a manifest's change from one text to another crosses a major version, if it does.

    The version stands where the texts part; what had none before may have been of any major version.
    """
    parted = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), None)
    if parted is None:
        return None
    start = parted
    while start > 0 and (before[start - 1].isalnum() or before[start - 1] in ".+-"):
        start -= 1
    old = _VERSION.match(before, start)
    try:
        now, to = Version(old[0] if old is not None else ""), Version(bump.to)
    except InvalidVersion:
        return None
    if now.major == to.major and now.epoch == to.epoch:
        return None
    said = f"{one_line(bump.name, _MAX_NAME)} {one_line(str(now), _MAX_VERSION)} -> {bump.to}"
    return f"{said} is a new major version: what that breaks stands in its release notes."


def requirement_name(requirement: str) -> str | None:
    """Answer the name that a requirement (PEP 508) starts with, and None for what is none."""
    match = _NAMED.match(requirement)
    return match[1] if match is not None else None


def raised_requirement(requirement: str, to: str) -> str | Reason:
    """Answer a requirement (PEP 508) with the version in place of its lower bound; all else stays."""
    try:
        before, version = Requirement(requirement), Version(to)
    except InvalidRequirement:
        return Reason("its requirement is not understood")
    except InvalidVersion:
        return Reason(f"{to!r} is no version of a Python package (PEP 440)")
    if before.url is not None:
        return Reason("it is fetched from an address, not by its version")
    named = _NAMED.match(requirement)
    end = requirement.index(";") if ";" in requirement else len(requirement)
    start = max(named.end(1), named.end(2)) if named is not None else 0
    clauses = raised_clauses(requirement[start:end], version, to)
    if isinstance(clauses, Reason):
        return clauses
    result = requirement[:start] + clauses + requirement[end:]
    after = Requirement(result)
    same = (after.name, after.extras, str(after.marker)) == (before.name, before.extras, str(before.marker))
    if not same or not after.specifier.contains(version, prereleases=True):
        return Reason("its requirement is not understood")
    return result


def raised_clauses(text: str, version: Version, to: str) -> str | Reason:
    """Answer the clauses of a specifier (`>=1,<3`) with the version in place of the lower bound."""
    clauses = list(_CLAUSE.finditer(text))
    lower = [one for one in clauses if one[1] in _LOWER]
    if len(lower) > 1:
        return Reason("it has more than one lower bound")
    if not lower:
        at = clauses[0].start() if clauses else len(text.rstrip())
        result = f"{text[:at]}>={to}{',' if clauses else ''}{text[at:]}"
    else:
        (bound,) = lower
        if bound[2].endswith("*"):
            return Reason(f"{bound[0]} stands for a range; a person must say which")
        if bound[1] == ">":
            return Reason(f"{bound[0]} would exclude {to} itself")
        if (refused := _not_upwards(bound[2], version)) is not None:
            return refused
        result = text[: bound.start(2)] + to + text[bound.end(2) :]
    try:
        allowed = SpecifierSet(result.strip().strip("()")).contains(version, prereleases=True)
    except InvalidSpecifier:
        return Reason("its requirement is not understood")
    return result if allowed else Reason(f"another bound of it excludes {to}: {text.strip()}")


def raised_constraint(constraint: str, to: str, ecosystem: Ecosystem) -> str | Reason:
    """Answer a constraint with carets and tildes (Poetry, npm) with the version in place of its own."""
    simple = _SIMPLE.fullmatch(constraint.strip())
    if ecosystem == "npm" and not _SEMVER.fullmatch(to):
        return Reason(f"{to!r} is no version of an npm package (1.2.3)")
    try:
        version = Version(to)
    except InvalidVersion:
        return Reason(f"{to!r} is no version that can be compared")
    if simple is None:
        if ecosystem == "npm" or not _CLAUSE.search(constraint):
            return Reason(f"{constraint!r} is no single version or lower bound")
        return raised_clauses(constraint, version, to)
    refused = _not_upwards(simple[3].removeprefix("v"), version)
    return refused or constraint.replace(simple[3], to)


def _not_upwards(now: str, version: Version) -> Reason | None:
    try:
        current = Version(now)
    except InvalidVersion:
        return Reason(f"its version {now!r} is not understood")
    if current == version:
        return Satisfied(f"it is at {now} already")
    return Satisfied(f"it is at {now}, which is newer") if current > version else None
