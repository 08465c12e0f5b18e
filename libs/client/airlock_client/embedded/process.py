"""One server as an owned child process: started, watched, stopped, and never left behind.

Everything here blocks and has a deadline; asyncio callers go through `asyncio.to_thread`. Blocking on
purpose: a server outlives any event loop, and an asyncio child process belongs to the loop that started it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from airlock_client.embedded.errors import FolderInUse, ServerFailed

_LAUNCHER = Path(__file__).with_name("launcher.py")
_LOG_BYTES = 10 * 1024 * 1024
_LOG_TAIL_BYTES = 4096
_LOG_TAIL_LINES = 15
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Account:
    """The user a server runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of stopping: a signal, and the seconds it gets."""

    signal: int
    seconds: float


class FolderLock:
    """An exclusive lock on a data folder, inherited by the server and all its children.

    It is a `flock`, so it is free again exactly when the last process that inherited it is gone, however that
    happened: holding it proves that nothing of an earlier server is alive.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self.fd = -1

    def take(self, *, seconds: float, again: bool) -> None:
        """Take the lock.

        Waits up to `seconds` when the owner written in it is dead or the caller had it before (`again`): the
        rest of that server is then on its way out. Otherwise does not wait. Raises FolderInUse.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = os.pread(fd, 64, 0).decode("ascii", "replace").strip()
                pid = owner.partition(" ")[0] or "unknown"
                lives = bool(owner) and owner == _identity(pid)
                if (lives and not again) or time.monotonic() > deadline:
                    os.close(fd)
                    who = f"process {pid}" if lives else f"what is left of process {pid}"
                    raise FolderInUse(
                        f"{self._path.parent} is in use by {who}: stop that one first, "
                        "or choose another data folder"
                    ) from None
                time.sleep(_POLL_SECONDS)
        os.ftruncate(fd, 0)
        os.pwrite(fd, _identity(str(os.getpid())).encode(), 0)
        self.fd = fd

    def owner(self) -> int | None:
        """The process that took the lock last; None once it is gone, also if another got its number."""
        try:
            written = self._path.read_text()[:64].strip()
        except (OSError, ValueError):
            return None
        pid = written.partition(" ")[0]
        return int(pid) if pid.isdecimal() and written == _identity(pid) else None

    def let_go(self) -> None:
        """Close this process' copy; the lock itself stays as long as a server holds it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _identity(pid: str) -> str:
    """A pid with its start time, so that a reused pid is another identity; nothing for a dead process.

    One that only waits to be reaped is dead. Source: proc_pid_stat(5), fields 3 and 22.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if fields[0] in ("Z", "X") else f"{pid} {fields[19]}"


class ServerProcess:
    """A running server. `name` stands in messages, `log` receives its stdout and stderr."""

    def __init__(
        self, name: str, log: Path, popen: subprocess.Popen[bytes], pid: int, patience: float
    ) -> None:
        self.name = name
        self.log = log
        self.pid = pid
        self._popen = popen
        self._patience = patience

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        cwd: Path,
        log: Path,
        lock: FolderLock,
        stops: Sequence[Stop],
        account: Account | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ServerProcess:
        """Start `argv` (an absolute program first) in `cwd`; the launcher takes over the folder's lock.

        `environment` is added to the clean one: names of files that hold secrets, never secrets. `stops`
        are the steps of stopping; after the last one comes SIGKILL. Raises ServerFailed.
        """
        spec = {
            "argv": list(argv),
            "cwd": str(cwd),
            "uid": account.uid if account else None,
            "gid": account.gid if account else None,
            "owner": os.getpid(),
            "stops": [[int(stop.signal), stop.seconds] for stop in stops],
        }
        patience = sum(stop.seconds for stop in stops) + 15.0
        with open_log(log) as stderr:
            # Isolated and without site: no variable and no package of the environment runs in the launcher. A
            # session of its own: Ctrl-C in the terminal reaches us, and we stop the servers in order.
            popen = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(spec)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                pass_fds=(lock.fd,),
                start_new_session=True,
                cwd="/",
                env={**clean_environment(), **(environment or {})},
            )
        with _pipe(popen.stdout) as stdout:
            line = stdout.readline(32)
        if not line.endswith(b"\n"):
            code = popen.wait(timeout=patience)
            raise ServerFailed(f"{name} was not started (exit code {code}).{log_tail(log)}")
        return cls(name, log, popen, int(line), patience)

    def exit_code(self) -> int | None:
        """The server's exit code (128 plus the signal if one ended it), or None while it runs."""
        return self._popen.poll()

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Ask `ready` until it says yes. Raises ServerFailed if the server ends first or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            if (code := self.exit_code()) is not None:
                raise ServerFailed(
                    f"{self.name} ended while starting ({describe(code)}).{log_tail(self.log)}"
                )
            if ready():
                return
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not answer within {seconds:g} s.{log_tail(self.log)}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> int:
        """Stop the server by its steps and answer its exit code; stopping an ended one changes nothing."""
        _pipe(self._popen.stdin).close()
        return self._reap()

    def kill(self) -> int:
        """End the server with SIGKILL, as a crash would, and answer its exit code."""
        orders = _pipe(self._popen.stdin)
        if self.exit_code() is None:
            try:
                orders.write(b"k")
            except BrokenPipeError:  # it ended by itself in this moment
                pass
        code = self._reap()
        orders.close()
        return code

    async def ended(self) -> int:
        """Wait, without a thread, for the server to end by itself: its exit code."""
        loop = asyncio.get_running_loop()
        pidfd = os.pidfd_open(self._popen.pid)
        gone: asyncio.Future[None] = loop.create_future()
        loop.add_reader(pidfd, lambda: None if gone.done() else gone.set_result(None))
        try:
            await gone
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
        _pipe(self._popen.stdin).close()  # it takes no more orders: whoever starts another leaves none behind
        return self._popen.wait()

    def _reap(self) -> int:
        try:
            return self._popen.wait(timeout=self._patience)
        except subprocess.TimeoutExpired:
            # The launcher itself hangs (stopped by a debugger, say). The kernel ends the server with it.
            self._popen.kill()
            return self._popen.wait()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the launcher is always started with pipes")
    return pipe


def clean_environment() -> dict[str, str]:
    """The environment of a server: none of our settings and secrets, and no variable that would steer it."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def describe(code: int) -> str:
    """Say an exit code in words: `exit code 1`, `ended by SIGKILL`."""
    if code > 128:
        try:
            return f"ended by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    return f"exit code {code}"


def open_log(log: Path) -> BinaryIO:
    """Open a log for appending, for its owner's eyes; past 10 MB the old one becomes `NAME.1` first."""
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return cast(BinaryIO, os.fdopen(fd, "ab", buffering=0))


def log_tail(log: Path) -> str:
    """The last lines of a server's log, set off for an error message; empty when there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
            text = file.read(_LOG_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = text.splitlines()[-_LOG_TAIL_LINES:]
    return f" The end of {log}:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
