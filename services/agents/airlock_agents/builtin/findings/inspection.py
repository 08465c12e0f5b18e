"""Looks at every file of a workspace, each where a hostile one can do no harm, and tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from airlock_sdk import Context, Failure, isolate

from .files import Source
from .finding import Inspected, printable

MEMORY = 512 * 1024 * 1024  # bytes of address space of the child that looks; the sandbox has 1 GiB
_PROGRESS_EVERY = 0.05  # of the files

Inspect = Callable[[Source], Inspected]


def inspect_all(
    inspect: Inspect,
    sources: Sequence[Source],
    ctx: Context,
    *,
    plainly: Inspect | None = None,
    take: Callable[[Inspected], Inspected] = lambda one: one,
) -> list[Inspected]:
    """Look at each source in a child process and answer what that gave, by file; skipped ones are in it.

    A file that brings the tools down is looked at again by `plainly`, where that is given: it hides nothing
    by crashing them. `take` sees each file's answer when it comes and says what of it is kept here: a million
    findings need not be in memory at once. Raises Failure when the tools crash again and again.
    """
    inspected = [Inspected(printable(one.path), skipped=one.skipped) for one in sources if one.skipped]
    todo = [one for one in sources if not one.skipped]
    brought_down: list[tuple[Source, str]] = []

    def note(source: Source, reason: str) -> None:
        brought_down.append((source, reason))

    said = 0.0
    try:
        for done, answer in enumerate(isolate.each(inspect, todo, note, memory=MEMORY), start=1):
            if answer is not None:
                inspected.append(take(answer))
            if done / len(todo) - said >= _PROGRESS_EVERY:
                said = done / len(todo)
                ctx.progress(f"{done} of {len(todo)} files", said)
        if plainly is None:
            inspected += [lost(source, reason) for source, reason in brought_down]
        else:
            again = isolate.each(plainly, [one for one, _ in brought_down], lost, memory=MEMORY)
            for (_, reason), plain in zip(brought_down, again, strict=True):
                then = plain.skipped or "searched as plain text"
                inspected.append(take(replace(plain, skipped=f"{reason}; {then}")))
    except isolate.TooManyCrashes as error:
        raise Failure("agent.workspace_unreadable", str(error)) from error
    return sorted(inspected, key=lambda one: one.file)


def lost(source: Source, reason: str) -> Inspected:
    """Answer for a file that the child process did not survive."""
    return Inspected(printable(source.path), skipped=reason)
