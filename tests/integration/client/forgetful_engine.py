"""A Docker Engine that hears, or says, something else than it was told: a pipe in front of the real one."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

ENGINE = "/var/run/docker.sock"


class ForgetfulEngine:
    """Passes everything on; while it forgets, `told` is replaced by `heard` in what clients say.

    With `answers` it is replaced in what the engine answers.
    """

    def __init__(self, told: bytes, heard: bytes, *, answers: bool = False) -> None:
        assert len(told) == len(heard)  # or a request's length would be wrong
        self.forgets = False
        self._told, self._heard = told, heard
        self._of_answers = answers
        self._folder = Path(tempfile.mkdtemp(prefix="airlock-engine-"))
        self._path = self._folder / "docker.sock"
        self._listening = socket.socket(socket.AF_UNIX)
        self._threads: list[threading.Thread] = []

    @property
    def address(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self._path}"

    def __enter__(self) -> Self:
        self._listening.bind(str(self._path))
        self._listening.listen(64)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who waits in `accept`
        self._listening.close()
        for thread in self._threads:
            thread.join(timeout=10)
        shutil.rmtree(self._folder)

    def _start(self, function: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                client, _ = self._listening.accept()
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            answers = self._start(self._pass_on, engine, client, False)
            self._pass_on(client, engine, True)
            answers.join()

    def _pass_on(self, source: socket.socket, target: socket.socket, said: bool) -> None:
        held = b""
        changed = said is not self._of_answers
        with suppress(OSError):
            while data := source.recv(65536):
                data = held + data
                if changed and self.forgets:
                    data = data.replace(self._told, self._heard)
                # The words may come in two pieces.
                kept = next(
                    (n for n in range(len(self._told) - 1, 0, -1) if data.endswith(self._told[:n])), 0
                )
                held = data[len(data) - kept :] if changed else b""
                target.sendall(data[: len(data) - len(held)])
            target.sendall(held)
            target.shutdown(socket.SHUT_WR)
