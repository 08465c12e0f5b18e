"""One pinned dependency, as a lock file or manifest spells it."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_NAME = 214  # characters; what npm allows, and nobody else more
MAX_VERSION = 128
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class Dependency:
    """A package at a version; the ecosystem is spelled as OSV spells it."""

    ecosystem: str  # PyPI, npm, Go, crates.io, RubyGems, Packagist, Maven, NuGet
    name: str
    version: str
    line: int
    locked: bool = True  # from a lock file: what is installed, rather than what was asked for


def canonical(ecosystem: str, name: str) -> str:
    """Spell a package's name as its ecosystem compares it."""
    if ecosystem == "PyPI":
        return _SEPARATORS.sub("-", name).lower()
    return name.lower() if ecosystem in ("Packagist", "NuGet") else name


def dependency(
    ecosystem: str, name: str, version: str, line: int, *, locked: bool = True
) -> Dependency | None:
    """Answer a dependency, or None where a name or version is none."""
    name, version = name.strip(), version.strip()
    if (
        not 0 < len(name) <= MAX_NAME
        or not 0 < len(version) <= MAX_VERSION
        or not any(map(str.isdigit, version))
    ):
        return None
    return Dependency(ecosystem, canonical(ecosystem, name), version, max(1, line), locked)
