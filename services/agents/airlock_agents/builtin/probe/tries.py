"""One try: what it does, where, why it matters; and how it is made without harm to the others.

A try answers what it saw. Whoever expects a refusal and gets anything else has found the box open: what
cannot be told counts as not held.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

SECONDS = 30.0
"""For one try; a try that sends something out waits for less."""
_MOST_BYTES = 16 * 1024
_MOST_CHARACTERS = 300


class Verdict(StrEnum):
    """How a try ended; the first three hold."""

    REFUSED = "refused"
    """It was tried, and the kernel said no."""
    ABSENT = "absent"
    """There is no such thing on this kernel or in this image."""
    HELD = "held"
    """A fact that is as it should be."""
    OPEN = "open"
    """It worked, or got further than it should."""
    UNCLEAR = "unclear"
    """Nobody can tell: it took too long or ended unexpectedly."""

    @property
    def holds(self) -> bool:
        """Whether the box is closed here."""
        return self in (Verdict.REFUSED, Verdict.ABSENT, Verdict.HELD)


@dataclass(frozen=True)
class Seen:
    """What a try saw, exactly enough for a person to repeat it."""

    verdict: Verdict
    saw: str


def refused(saw: str) -> Seen:
    """It was refused."""
    return Seen(Verdict.REFUSED, saw)


def absent(saw: str) -> Seen:
    """It is not there."""
    return Seen(Verdict.ABSENT, saw)


def opened(saw: str) -> Seen:
    """It worked."""
    return Seen(Verdict.OPEN, saw)


def fact(holds: bool, saw: str) -> Seen:
    """A fact was looked at, and is as it should be or is not."""
    return Seen(Verdict.HELD if holds else Verdict.OPEN, saw)


@dataclass(frozen=True)
class Granted:
    """What the manifest grants: the most that a try may find. A host may give less."""

    memory_mb: int
    pids: int
    scratch_mb: int
    open_files: int = 1024


@dataclass(frozen=True)
class Box:
    """What tries need to know of the sandbox they are in."""

    granted: Granted
    scratch: Path
    sockets: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    setuid: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Try:
    """One thing that a sandbox should not allow."""

    name: str
    run: Callable[[Box], Seen]


@dataclass(frozen=True)
class Room:
    """Tries of one kind, with why they matter and what to look at when one is open."""

    name: str
    why: str
    mend: str
    tries: tuple[Try, ...] = field(default=())


REFUSALS = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})
ABSENCES = frozenset(
    {
        errno.ENOSYS,
        errno.ENOENT,
        errno.ENXIO,
        errno.ENODEV,
        errno.EAFNOSUPPORT,
        errno.EPROTONOSUPPORT,
        errno.ESOCKTNOSUPPORT,
        errno.EOPNOTSUPP,
    }
)


def by_error(error: OSError, what: str = "") -> Seen:
    """Judge a refusal by its number: refused, not there, or something that is neither."""
    saw = f"{what}{': ' if what else ''}{spelled(error.errno)}"
    if error.errno in REFUSALS:
        return refused(saw)
    if error.errno in ABSENCES:
        return absent(saw)
    return opened(f"{saw}: it got past the refusal")


def spelled(number: int | None) -> str:
    """The name of an error number."""
    return errno.errorcode.get(number or 0, f"errno {number}")


def conduct(one: Try, box: Box, seconds: float = SECONDS) -> Seen:
    """Make a try in a process of its own, which may be killed for it; its children end with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _as_child(one, box, writing)
    os.close(writing)
    try:
        said = _until_end(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        # The child leads a group of its own; what it has started is in there.
        for kill in (os.killpg, os.kill):
            try:
                kill(child, signal.SIGKILL)
            except OSError:
                continue
        _, status = os.waitpid(child, 0)
    if said:
        answer = json.loads(said)
        return Seen(Verdict(answer["verdict"]), answer["saw"][:_MOST_CHARACTERS])
    return _without_word(status, seconds)


def _as_child(one: Try, box: Box, writing: int) -> None:
    try:
        os.setpgid(0, 0)
        seen = one.run(box)
    except BaseException as error:  # the edge of a child: whatever it is becomes an answer
        seen = Seen(Verdict.UNCLEAR, f"{type(error).__name__}: {error}")
    text = json.dumps({"verdict": seen.verdict.value, "saw": seen.saw[:_MOST_CHARACTERS]})
    os.write(writing, text.encode())
    os._exit(0)


def _until_end(reading: int, deadline: float) -> bytes:
    """What a child says in its one write; a grandchild may hold the pipe open for longer."""
    left = deadline - time.monotonic()
    ready, _, _ = select.select([reading], [], [], max(0.0, left))
    return os.read(reading, _MOST_BYTES) if ready else b""


def _without_word(status: int, seconds: float) -> Seen:
    if os.WIFSIGNALED(status):
        number = signal.Signals(os.WTERMSIG(status))
        if number is signal.SIGSYS:
            return refused("the process was ended by SIGSYS")
        if number is signal.SIGKILL:
            return Seen(Verdict.UNCLEAR, f"no answer within {seconds:g} s, or killed")
        return Seen(Verdict.UNCLEAR, f"the process was ended by {number.name}")
    return Seen(Verdict.UNCLEAR, f"the process ended without a word (status {status})")


def as_row(room: Room, one: Try, seen: Seen) -> dict[str, Any]:
    """A try as it stands in the output."""
    return {"group": room.name, "name": one.name, "verdict": seen.verdict.value, "saw": seen.saw}
