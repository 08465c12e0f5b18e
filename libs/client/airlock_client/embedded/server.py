"""What the embedded servers have in common: a folder, a process, a port that stays, and `with`."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from airlock_client.embedded.errors import ServerFailed
from airlock_client.embedded.process import FolderLock, ServerProcess, describe

HOST = "127.0.0.1"


class EmbeddedServer(ABC):
    """A server in a data folder, as a child process on 127.0.0.1.

    `with` and `async with` start and stop it; `start`, `stop`, `kill` and `restart` block, each with a
    deadline. The port is chosen at the first start and kept: for the life of this object always, and from one
    object to the next while it is free.
    """

    name: str

    def __init__(self, data_dir: Path | str) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.log = self.data_dir / "server.log"
        self._process: ServerProcess | None = None
        self._port: int | None = None

    @abstractmethod
    def start(self) -> None:
        """Start the server and wait until it answers; starting a running one changes nothing.

        Raises MissingBinary, FolderInUse, FolderVersion, FolderRefused, ServerFailed.
        """

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1; known from the first start on."""
        if self._port is None:
            raise ServerFailed(f"{self.name} has not been started yet")
        return self._port

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.exit_code() is None

    def exit_code(self) -> int | None:
        """None while the server runs, else its exit code (128 plus the signal if one ended it)."""
        return self._running().exit_code()

    def stop(self) -> None:
        """Stop the server in an orderly way, within its deadlines; stopping a stopped one changes nothing."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would; its data stays."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    async def ended(self) -> str:
        """Wait until the server ends by itself, and say how (`ended by SIGKILL`)."""
        return describe(await self._running().ended())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # A thread cannot be cancelled: let it end, then take back what it started.
            await asyncio.wait([starting])
            await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _take_folder(self, seconds: float) -> FolderLock:
        """Lock the folder for a start; after an earlier start of ours, wait for the last of that server."""
        again = self._port is not None
        self.kill()  # a server that ended by itself still has its pipe
        lock = FolderLock(self.data_dir)
        lock.take(seconds=seconds, again=again)
        return lock

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process

    def _remembered_port(self) -> int | None:
        """The port of the last time, if the folder names one and it is free now."""
        try:
            port = int((self.data_dir / "port").read_text()[:8])
        except (OSError, ValueError):
            return None
        return port if 0 < port < 65536 and port_is_free(port) else None

    def _remember_port(self, port: int) -> None:
        self._port = port
        write_private(self.data_dir / "port", f"{port}\n")


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now; somebody else may be quicker, so expect a retry."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether a server could bind `port` on 127.0.0.1 now (connections in TIME_WAIT do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def new_password() -> str:
    """A password of 256 bits, of characters that need no quoting in a URL or a configuration file."""
    return secrets.token_urlsafe(32)


def write_private(path: Path, text: str) -> None:
    """Write a file for our eyes only, whole or not at all, and on disk when this returns."""
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
