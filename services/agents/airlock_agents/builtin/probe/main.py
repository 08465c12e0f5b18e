"""The agent `probe`: looks for a way out of its own sandbox, and says of each what it saw."""

from __future__ import annotations

import platform
from typing import Any, TypedDict

from airlock_sdk import Agent, Context

from .folders import EXECUTING, WRITING
from .identity import CAPABILITIES, IDENTITY
from .limits import LIMITS, exhaust
from .mounts import DEVICES, KERNEL_FILES, MOUNTS
from .network import NAMES, NETWORK, SOCKETS
from .processes import NAMESPACES, PROCESSES
from .system_calls import SYSTEM_CALLS
from .tree import walk
from .tries import Box, Granted, Room, Try, Verdict, as_row, conduct

GRANTED = Granted(memory_mb=128, pids=48, scratch_mb=16)
"""As agent.yaml says; a host may give less."""
ROOMS: tuple[Room, ...] = (
    CAPABILITIES,
    IDENTITY,
    DEVICES,
    MOUNTS,
    KERNEL_FILES,
    SOCKETS,
    NETWORK,
    NAMES,
    PROCESSES,
    NAMESPACES,
    WRITING,
    EXECUTING,
    LIMITS,
    SYSTEM_CALLS,
)
_SCRATCH = "/tmp"  # noqa: S108 - the sandbox's own

agent = Agent()


class Nothing(TypedDict, total=False):
    """The input: there is none."""


@agent.action("look")
def look(_: Nothing, ctx: Context) -> dict[str, Any]:
    """Try everything, each in a process of its own; answers each try, and of what is open what to do."""
    ctx.progress("looking over the whole file system", 0.0)
    found = walk(_SCRATCH)
    box = Box(
        granted=GRANTED,
        scratch=ctx.scratch,
        sockets=tuple(found.sockets),
        devices=tuple(found.devices),
        setuid=tuple(found.setuid),
        writable=tuple(found.writable),
    )
    tries: list[dict[str, Any]] = []
    still_open: list[dict[str, Any]] = []
    for index, room in enumerate(ROOMS):
        ctx.progress(room.name, index / len(ROOMS))
        for one in room.tries:
            row = _made(room, one, box)
            tries.append(row)
            if not Verdict(row["verdict"]).holds:
                still_open.append(row | {"why": room.why, "mend": room.mend})
    return {
        "tried": len(tries),
        "held": len(tries) - len(still_open),
        "tries": tries,
        "open": still_open,
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _made(room: Room, one: Try, box: Box) -> dict[str, Any]:
    return as_row(room, one, conduct(one, box))


@agent.action("exhaust")
def take_memory(_: Nothing, ctx: Context) -> dict[str, Any]:
    """Take twice the memory that is granted. A closed box is ended for it, and nothing is answered."""
    ctx.progress("taking memory")
    box = Box(granted=GRANTED, scratch=ctx.scratch)
    return {"granted_mb": GRANTED.memory_mb, "taken_mb": exhaust(box)}


if __name__ == "__main__":
    agent.run()
