"""Airlock's own processes as children: started with settings by variable and secrets by file."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path

from airlock_client.embedded.errors import ServerFailed
from airlock_client.embedded.process import (
    ServerProcess,
    Stop,
    clean_environment,
    describe,
    log_tail,
)

from .folder import DataFolder

_STOPS = (Stop(signal.SIGTERM, 40.0),)
"""Longer than a process takes to drain."""
_COMMAND_SECONDS = 120.0
_END_SECONDS = 10.0
_LINE_BYTES = 1024 * 1024
_KEPT_LINES = 20


class Part:
    """One of Airlock's processes. `module` is run by this very Python."""

    def __init__(
        self,
        folder: DataFolder,
        name: str,
        module: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.log = folder.log(name)
        self._folder = folder
        self._module = list(module)
        self._environment = dict(environment)
        self._process: ServerProcess | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None else None

    def keep_port(self, variable: str, port: int) -> None:
        """Take this very port at each start from now on: whoever knows the address finds it again."""
        self._environment[variable] = str(port)

    async def start(self) -> None:
        """Start it. Raises ServerFailed."""
        await to_the_end(self._start)

    def _start(self) -> None:
        self._process = ServerProcess.start(
            self.name,
            [sys.executable, "-m", *self._module],
            cwd=Path("/"),
            log=self.log,
            lock=self._folder.lock,
            stops=_STOPS,
            environment=self._environment,
        )

    def check(self) -> None:
        """Raises ServerFailed, with the end of its log, if it has ended."""
        if self._process is not None and (code := self._process.exit_code()) is not None:
            raise ServerFailed(f"{self.name} ended ({describe(code)}).{log_tail(self.log)}")

    async def ended(self) -> str:
        """Wait until it ends by itself, and say how."""
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running")
        return describe(await self._process.ended())

    async def stop(self) -> None:
        """Stop it in order; stopping a stopped one changes nothing."""
        if self._process is not None:
            process, self._process = self._process, None
            await asyncio.to_thread(process.stop)


async def to_the_end(call: Callable[[], object]) -> None:
    """Run a blocking call in a thread; a cancellation takes effect once it has ended.

    A thread cannot be cancelled: whoever is to undo what it starts must wait for it.
    """
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


async def run_module(
    module: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float = _COMMAND_SECONDS,
    say: Callable[[str], None] | None = None,
    codes: Container[int] = (0,),
    keep_stdin: bool = False,
) -> str:
    """Run one of Airlock's commands to its end; answers its stdout, and `say` hears each line of its stderr.

    `codes` are the exit codes of a command that did its work. With `keep_stdin` its stdin stays open
    as long as we live, however we end.

    Raises ServerFailed with the end of its stderr.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *module,
        env={**clean_environment(), **environment},
        stdin=subprocess.PIPE if keep_stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        limit=_LINE_BYTES,
        start_new_session=True,  # Ctrl-C in the terminal reaches us, and we end it, once
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(seconds):
            stdout, said = await asyncio.gather(process.stdout.read(), _listen(process.stderr, say))
            await process.wait()
    except TimeoutError:
        raise ServerFailed(f"`{' '.join(module)}` did not end within {seconds:g} s") from None
    finally:
        if process.returncode is None:
            await _end(process)
    if process.returncode not in codes or (process.returncode and not stdout):
        raise ServerFailed("\n".join(said).removeprefix("airlock: ") or f"exit code {process.returncode}")
    return stdout.decode()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command early: by SIGINT, at which Python removes temporary folders, and else by force."""
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _listen(stream: asyncio.StreamReader, say: Callable[[str], None] | None) -> list[str]:
    """Read to the end, line by line; answers the last lines."""
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    async for line in stream:
        last.append(line.decode("utf-8", "replace").rstrip())
        if say is not None:
            say(last[-1])
    return list(last)
