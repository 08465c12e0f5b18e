"""Work on hostile files in a child process, so that a crash, a hang or a flood of memory costs one file."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Lost = TypeVar("Lost")

SECONDS_PER_ITEM = 30.0
MEMORY = 768 * 1024 * 1024  # bytes of address space of the child
MAX_CRASHES = 50  # a workspace full of bombs ends the work instead of eating its whole time


class TooManyCrashes(Exception):
    """The work crashed or hung on too many items; the message says on how many."""


def each(
    work: Callable[[Item], Answer],
    items: Sequence[Item],
    lost: Callable[[Item, str], Lost],
    *,
    seconds: float = SECONDS_PER_ITEM,
    memory: int = MEMORY,
) -> Iterator[Answer | Lost]:
    """Answer `work(item)` for each item, in order, computed in a forked child.

    An item that the child does not survive, or does not finish in time, gets `lost(item, reason)` instead,
    and a new child goes on behind it. Forking keeps what is imported, so a warm sandbox stays warm. Raises
    TooManyCrashes.
    """
    context = multiprocessing.get_context("fork")
    start = crashes = 0
    while start < len(items):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_loop, args=(theirs, work, items[start:], memory))
        child.start()
        theirs.close()
        reason = None
        try:
            while start < len(items) and reason is None:
                if not ours.poll(seconds):
                    reason = f"took longer than {seconds:.0f} s"
                    break
                try:
                    answer = ours.recv()
                except EOFError:
                    reason = "crashed it, or made it run out of memory"
                    break
                start += 1
                yield answer
        finally:
            child.kill()
            child.join()
            ours.close()
        if reason is not None:
            crashes += 1
            if crashes > MAX_CRASHES:
                raise TooManyCrashes(f"crashed or hung on {crashes} items")
            yield lost(items[start], reason)
            start += 1


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
