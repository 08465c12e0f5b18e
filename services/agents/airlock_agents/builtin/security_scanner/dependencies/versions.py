"""Which of two versions is the newer one, as each ecosystem counts.

Sources: PEP 440 (packaging), Semantic Versioning 2.0.0, Gem::Version, Maven's ComparableVersion.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from packaging.version import InvalidVersion, Version

_SEMVER = re.compile(
    r"[v=]?(\d{1,18}(?:\.\d{1,18}){0,3})(?:[-.]?([0-9A-Za-z][0-9A-Za-z.-]{0,120}))?(?:\+[0-9A-Za-z.-]{1,120})?"
)
_PARTS = 130  # more than a version of 128 characters can have
_TOKEN = re.compile(r"\d{1,18}|[a-z]+")
_MAVEN_RANK = {"alpha": 0, "a": 0, "beta": 1, "b": 1, "milestone": 2, "m": 2, "rc": 3, "cr": 3, "snapshot": 4}
_MAVEN_RELEASE = frozenset({"", "ga", "final", "release"})


class UnknownVersion(ValueError):
    """This is no version that the ecosystem knows."""


@cache
def key(ecosystem: str, version: str) -> Any:
    """Answer what orders a version among those of its ecosystem. Raises UnknownVersion."""
    match ecosystem:
        case "PyPI":
            try:
                return Version(version)
            except InvalidVersion as error:
                raise UnknownVersion(version) from error
        case "RubyGems":
            return _gem(version)
        case "Maven":
            return _maven(version)
        case _:
            return _semver(version)


def _semver(version: str) -> tuple[Any, ...]:
    found = _SEMVER.fullmatch(version.strip())
    if found is None:
        raise UnknownVersion(version)
    numbers = [int(part) for part in found[1].split(".")]
    numbers += [0] * (4 - len(numbers))
    # A release comes after its pre-releases; numbers compare as numbers, and come before words.
    before = tuple(
        (0, int(part), "") if part.isdigit() and len(part) < 19 else (1, 0, part)
        for part in (found[2] or "").split(".")
        if part
    )
    return (*numbers, 1 if not before else 0, before)


def _gem(version: str) -> tuple[tuple[int, int, str], ...]:
    if not re.fullmatch(r"\d[\w.-]{0,127}", version):
        raise UnknownVersion(version)
    # A word is below any number (1.0.rc1 is before 1.0), and what is missing is a zero.
    parts = [(1, int(one), "") if one.isdigit() else (0, 0, one) for one in _TOKEN.findall(version.lower())]
    return _filled(parts, zero=(1, 0, ""), number=1, fill=(1, 0, ""))


def _maven(version: str) -> tuple[tuple[int, int, str], ...]:
    if not re.fullmatch(r"\w[\w.+-]{0,127}", version):
        raise UnknownVersion(version)
    parts: list[tuple[int, int, str]] = []
    for token in _TOKEN.findall(version.lower()):
        if token.isdigit():
            parts.append((2, int(token), ""))
        elif token in _MAVEN_RANK:
            parts.append((0, _MAVEN_RANK[token], ""))
        elif token not in _MAVEN_RELEASE:
            parts.append((1, 1, token))  # sp, jre and the like: after the release
    return _filled(parts, zero=(2, 0, ""), number=2, fill=(1, 0, ""))


def _filled(
    parts: list[tuple[int, int, str]], *, zero: tuple[int, int, str], number: int, fill: tuple[int, int, str]
) -> tuple[tuple[int, int, str], ...]:
    """Drop the zeros that end the numbers, and fill up, so that 1, 1.0 and 1.0.0 are the same."""
    first_word = next((at for at, part in enumerate(parts) if part[0] != number), len(parts))
    numbers = parts[:first_word]
    while numbers and numbers[-1] == zero:
        numbers.pop()
    whole = [*numbers, *parts[first_word:]]
    return (*whole, *[fill] * (_PARTS - len(whole)))
