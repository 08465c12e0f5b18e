"""What one diff has room for: the rest is left for another proposal, and is not lost with this one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from .diff import MAX_DIFF, MAX_FILES
from .proposal import Done
from .request import GROUPS, About

NO_ROOM = "the diff has no room left for this file: propose again after it"
_MAX_SPELLED = 370 * 1024  # bytes as JSON: controls take six times their room in an output


def fitting(done: Sequence[Done], about: Mapping[str, About]) -> list[Done]:
    """Keep the files that fit one diff, those of graver groups first; of the others nothing is changed."""
    files, size, spelled = 0, 0, 0
    kept: set[str] = set()
    for one in sorted((one for one in done if one.diff), key=lambda one: first_group(about, one)):
        more, more_spelled = len(one.diff.encode()), len(json.dumps(one.diff, ensure_ascii=False).encode())
        if files < MAX_FILES and size + more <= MAX_DIFF and spelled + more_spelled <= _MAX_SPELLED:
            kept.add(one.file)
            files, size, spelled = files + 1, size + more, spelled + more_spelled
    return [one if not one.diff or one.file in kept else _left(one) for one in done]


def whole_diff(done: Sequence[Done]) -> str:
    """Join the files' diffs, which fit."""
    return "".join(one.diff for one in done)


def first_group(about: Mapping[str, About], one: Done) -> int:
    """Answer the gravest group of what is mended in a file, as its place in GROUPS."""
    return min((GROUPS.index(about[id_].group) for id_ in one.fixed), default=len(GROUPS))


def _left(one: Done) -> Done:
    return Done(one.file, unfixed=[*one.unfixed, *((id_, NO_ROOM) for id_ in one.fixed)])
