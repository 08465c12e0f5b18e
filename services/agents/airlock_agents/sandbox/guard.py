"""Removes a container whose owner is killed: `python -m airlock_agents.sandbox.guard NAME LABEL=VALUE...`.

Started in a session of its own beside each container that no host owns and no janitor finds. Its stdin ends
when its owner does, in whatever way; an owner that has cleaned up says so first.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

DONE = b"done\n"
_SECONDS = 20.0
_PAUSE = 0.2
_END_SECONDS = 10.0
"""For a guard that was told to end: it only has to read that."""


@asynccontextmanager
async def guarded(container: str, labels: dict[str, str]) -> AsyncIterator[None]:
    """Watch over a container, by its name, until the block ends in order."""
    guard = await asyncio.to_thread(_start, container, labels)
    try:
        yield
    finally:
        await asyncio.to_thread(_let_go, guard)


@contextmanager
def watched(container: str, labels: dict[str, str]) -> Iterator[None]:
    """`guarded`, for what is synchronous anyway."""
    guard = _start(container, labels)
    try:
        yield
    finally:
        _let_go(guard)


def _start(container: str, labels: dict[str, str]) -> "subprocess.Popen[bytes]":
    marks = [f"{name}={value}" for name, value in labels.items()]
    return subprocess.Popen(  # noqa: S603 -- ourselves
        [sys.executable, "-m", "airlock_agents.sandbox.guard", container, *marks],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in a terminal reaches its owner, who removes the container
    )


def _let_go(guard: "subprocess.Popen[bytes]") -> None:
    """Tell a guard that all is cleaned up; one that does not end is killed, and changes no outcome."""
    assert guard.stdin is not None
    with suppress(BrokenPipeError), guard.stdin:
        guard.stdin.write(DONE)
    try:
        guard.wait(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()


def main(arguments: list[str]) -> int:
    """Wait for the owner's end; remove the container that it left. It may still be about to be created."""
    container, *marks = arguments
    if sys.stdin.buffer.read() == DONE:
        return 0
    import docker  # only now: most owners end in order

    from .engine import connect, find_engine

    client = connect(find_engine(os.environ, Path.home()))
    labels = dict(mark.split("=", 1) for mark in marks)
    until = time.monotonic() + _SECONDS
    try:
        while time.monotonic() < until:
            with suppress(docker.errors.NotFound):
                found = client.inspect_container(container)
                theirs = found["Config"].get("Labels") or {}
                if labels.items() <= theirs.items():
                    client.remove_container(found["Id"], force=True, v=True)
                return 0
            time.sleep(_PAUSE)
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
