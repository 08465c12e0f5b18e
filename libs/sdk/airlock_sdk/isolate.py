"""Work on hostile files in a child process, so that a crash, a hang or a flood of memory costs one file."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Lost = TypeVar("Lost")

SECONDS_PER_ITEM = 30.0
LOST_SECONDS = 240.0  # for all items that are lost: a workspace full of bombs must not eat the others' time
MEMORY = 768 * 1024 * 1024  # bytes of address space of the child
MAX_LOST = 50  # items: a crash takes little time, but a new child for each of 100,000 takes it, too
NO_TIME = "had no time left: too many before it crashed or hung"
_SHARE = 2  # of the time that is left for lost items, one may take half
_LEAST = 3.0  # seconds that any item may take, its child's start among them: enough for the harmless


def each(
    work: Callable[[Item], Answer],
    items: Sequence[Item],
    lost: Callable[[Item, str], Lost],
    *,
    seconds: float = SECONDS_PER_ITEM,
    lost_seconds: float = LOST_SECONDS,
    memory: int = MEMORY,
) -> Iterator[Answer | Lost]:
    """Answer `work(item)` for each item, in order, computed in a forked child.

    An item that the child does not survive, or does not finish in time, gets `lost(item, reason)` instead,
    and a new child goes on behind it. Lost items may take `lost_seconds` together: the more of it is gone,
    the less time has the next one. When MAX_LOST are lost, the rest is not worked on (`lost(item, NO_TIME)`),
    so that what was answered until then is not lost with it. Forking keeps what is imported, so a warm
    sandbox stays warm.
    """
    context = multiprocessing.get_context("fork")
    start = gone = 0
    left = lost_seconds
    while start < len(items) and gone < MAX_LOST:
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_loop, args=(theirs, work, items[start:], memory))
        child.start()
        theirs.close()
        reason = None
        patience = max(min(seconds, _LEAST), min(seconds, left / _SHARE))
        try:
            while start < len(items) and reason is None:
                began = time.monotonic()
                if not ours.poll(patience):
                    reason = f"took longer than {patience:.0f} s"
                    break
                try:
                    answer = ours.recv()
                except (EOFError, OSError):  # the latter where it ended amid an answer
                    reason = "crashed it, or made it run out of memory"
                    break
                start += 1
                yield answer
        finally:
            child.kill()
            child.join()
            ours.close()
        if reason is not None:
            gone += 1
            left = max(0.0, left - (time.monotonic() - began))
            yield lost(items[start], reason)
            start += 1
    for item in items[start:]:
        yield lost(item, NO_TIME)


def _loop(out: Connection, work: Callable[[Item], Answer], items: Sequence[Item], memory: int) -> None:
    limit = _mapped() + memory  # what the fork has inherited is no fault of the item
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        for item in items:
            out.send(work(item))
    except MemoryError:
        os._exit(1)  # nothing can be trusted to work now; the parent knows what was under way


def _mapped() -> int:
    """Bytes of address space that this process has now. Source: proc_pid_statm(5)."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read(64).split()[0]) * resource.getpagesize()
