"""A Docker Engine that forgets one limit when it is told to: a pipe in front of the real one."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

ENGINE = "/var/run/docker.sock"


class ForgetfulEngine:
    """Passes everything on; while it forgets, `told` is replaced by `heard` in what clients say."""

    def __init__(self, told: bytes, heard: bytes) -> None:
        assert len(told) == len(heard)  # or a request's length would be wrong
        self.forgets = False
        self._told, self._heard = told, heard
        self._folder = Path(tempfile.mkdtemp(prefix="airlock-engine-"))
        self._path = self._folder / "docker.sock"
        self._listening = socket.socket(socket.AF_UNIX)

    @property
    def address(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self._path}"

    def __enter__(self) -> Self:
        self._listening.bind(str(self._path))
        self._listening.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        shutil.rmtree(self._folder)

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                client, _ = self._listening.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(ENGINE)
                for source, target, said in ((client, engine, True), (engine, client, False)):
                    threading.Thread(target=self._pass_on, args=(source, target, said), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, said: bool) -> None:
        held = b""
        with suppress(OSError):
            while data := source.recv(65536):
                data = held + data
                if said and self.forgets:
                    data = data.replace(self._told, self._heard)
                # The words may come in two pieces.
                kept = next(
                    (n for n in range(len(self._told) - 1, 0, -1) if data.endswith(self._told[:n])), 0
                )
                held = data[len(data) - kept :] if said else b""
                target.sendall(data[: len(data) - len(held)])
            target.sendall(held)
            target.shutdown(socket.SHUT_WR)
