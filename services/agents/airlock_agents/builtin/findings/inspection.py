"""Looks at every file of a workspace, each where a hostile one can do no harm, and tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from airlock_sdk import isolate
from airlock_sdk.printable import one_line

from .files import Source
from .finding import Inspected, printable

MEMORY = 512 * 1024 * 1024  # bytes of address space of the child that looks; the sandbox has 1 GiB
_SECONDS_AGAIN = 120.0  # for all files that bring down the plain look, too
_MAX_REASON = 300  # characters
_PROGRESS_EVERY = 0.05  # of the files

Inspect = Callable[[Source], Inspected]


def inspect_all(
    inspect: Inspect,
    sources: Sequence[Source],
    tell: Callable[[str, float], None],
    *,
    plainly: Mapping[str, Inspect] | None = None,
    take: Callable[[Inspected], Inspected] = lambda one: one,
    in_blocks: bool = False,
) -> list[Inspected]:
    """Look at each source in a child process and answer what that gave, by file; skipped ones are in it.

    Those that are skipped, and can be searched in blocks, are looked at only if `in_blocks` is asked for.

    A file that brings the tools down is looked at again by each of `plainly`, where that is given (by what
    they look for): it hides nothing by crashing them, and what crashes one of these hides nothing from the
    others. `take` sees each answer when it comes and says what of it is kept here: a million findings need
    not be in memory at once. `tell` hears how far it is.
    """
    inspected, todo = [], []
    for one in sources:
        if one.skipped is None or (in_blocks and one.in_blocks):
            todo.append(one)
        else:
            inspected.append(_not_seen(one, one.skipped))
    brought_down: list[tuple[Source, str]] = []

    def note(source: Source, reason: str) -> None:
        brought_down.append((source, reason))

    said = 0.0
    for done, answer in enumerate(isolate.each(inspect, todo, note, memory=MEMORY), start=1):
        if answer is not None:
            inspected.append(take(answer))
        if done / len(todo) - said >= _PROGRESS_EVERY:
            said = done / len(todo)
            tell(f"{done} of {len(todo)} files", said)
    inspected += _again(plainly or {}, brought_down, take)
    return sorted(inspected, key=lambda one: one.file)


def _again(
    plainly: Mapping[str, Inspect],
    brought_down: Sequence[tuple[Source, str]],
    take: Callable[[Inspected], Inspected],
) -> Iterator[Inspected]:
    looks = [(source, name) for source, _ in brought_down for name in plainly]

    def look(one: tuple[Source, str]) -> Inspected:
        source, name = one
        return plainly[name](source)

    def lost(one: tuple[Source, str], reason: str) -> Inspected:
        source, name = one
        return _not_seen(source, f"not for {name} ({reason})")

    answers = isolate.each(look, looks, lost, lost_seconds=_SECONDS_AGAIN, memory=MEMORY)
    for source, reason in brought_down:
        taken = [take(next(answers)) for _ in plainly]
        told = [reason]
        if any(one.seen for one in taken):
            told.append("searched as plain text")
        told += dict.fromkeys(one.skipped for one in taken if one.skipped is not None)
        yield _not_seen(source, one_line("; ".join(told), _MAX_REASON))


def _not_seen(source: Source, reason: str) -> Inspected:
    return Inspected(printable(source.path), skipped=reason, seen=False)
