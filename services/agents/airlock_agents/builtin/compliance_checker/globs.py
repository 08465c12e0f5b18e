"""Paths and patterns: `*` and `?` within a folder, `**` across folders; never more than linear in both."""

from __future__ import annotations

from functools import lru_cache


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path fits a pattern, from its first folder to its last.

    `docs/**` is all below docs; `**/x` is x anywhere; a pattern without a slash names files at the top.
    """
    parts = path.split("/")
    # Which beginnings of the path the pattern's parts so far may stand for.
    reached = {0}
    for one in _parts(pattern):
        if one == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(parts) and _fits(one, parts[n])}
        if not reached:
            return False
    return len(parts) in reached


@lru_cache(maxsize=1024)
def _parts(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.strip("/").split("/"))


def _fits(pattern: str, name: str) -> bool:
    """Match `*` and `?` by going back to the last star only, so that no pattern is slow."""
    at = here = 0
    star, mark = -1, 0
    while here < len(name):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", name[here]):
            at += 1
            here += 1
        elif star >= 0:
            mark += 1
            at, here = star + 1, mark
        else:
            return False
    return all(char == "*" for char in pattern[at:])
