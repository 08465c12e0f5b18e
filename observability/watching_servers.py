"""Prometheus and Alertmanager as child processes: each in a folder of its own, on a free port."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import httpx2
import yaml
from airlock_client.embedded.errors import MissingBinary, ServerFailed
from airlock_client.embedded.process import ServerProcess, Stop
from airlock_client.embedded.server import HOST, EmbeddedServer, free_port

OBSERVABILITY = Path(__file__).parent
RULES = OBSERVABILITY / "prometheus" / "rules"
_STOPS = (Stop(signal.SIGTERM, 10.0),)
_READY_SECONDS = 30.0
_TRIES = 3
"""A free port may be taken by somebody else before the server has it."""
_POLL_SECONDS = 0.2


class NoAnswer(Exception):
    """One of the servers did not say what was asked of it, or not in time."""


def program(*names: str) -> str:
    """Where a command is, under one of its names. Raises MissingBinary."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise MissingBinary(f"{names[0]} is missing: infra/local/stack-tools.sh (`make test-stack` does it)")


class WatchingServer(EmbeddedServer):
    """One of the two: it is configured, started, and asked over HTTP."""

    _programs: Sequence[str]

    @property
    def address(self) -> str:
        """host:port."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def start(self) -> None:
        """Start it and wait until it says that it is ready. Raises MissingBinary, ServerFailed."""
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        command = program(*self._programs)
        for left in reversed(range(_TRIES)):
            try:
                self._launch(command, free_port())
                return
            except ServerFailed:
                if not left:
                    raise

    def _launch(self, command: str, port: int) -> None:
        lock = self._take_folder(10.0)
        try:
            process = ServerProcess.start(
                self.name,
                [command, *self._arguments(port)],
                cwd=self.data_dir,
                log=self.log,
                lock=lock,
                stops=_STOPS,
            )
        finally:
            lock.let_go()
        try:
            process.wait_ready(lambda: _is_ready(port), seconds=_READY_SECONDS)
        except BaseException:
            process.stop()
            raise
        self._process = process
        self._remember_port(port)

    @abstractmethod
    def _arguments(self, port: int) -> list[str]:
        """Write the configuration; answers what the command line names."""

    async def ask(self, path: str, **query: str) -> Any:
        """The JSON of an answer. Raises NoAnswer with the words of one that is an error."""
        try:
            async with httpx2.AsyncClient(base_url=self.url, timeout=30.0) as http:
                answer = await http.get(path, params=query)
        except httpx2.TransportError as broken:
            raise NoAnswer(f"{self.name} at {self.url}: {broken!r}") from broken
        if answer.status_code != 200:
            raise NoAnswer(f"{path} {query}: {answer.text}")
        return answer.json()


class Prometheus(WatchingServer):
    """Prometheus with our rules. `targets` is who is scraped, by the names of prometheus.local.yml."""

    name = "prometheus"
    _programs = ("prometheus",)

    def __init__(self, data_dir: Path, targets: Mapping[str, str], *, rules: Path = RULES) -> None:
        super().__init__(data_dir)
        self._targets = targets
        self._rules = rules

    def _arguments(self, port: int) -> list[str]:
        template = Template((OBSERVABILITY / "prometheus" / "prometheus.local.yml").read_text("utf-8"))
        config = self.data_dir / "prometheus.yml"
        config.write_text(
            template.substitute(self._targets, rules=self._rules, prometheus=f"{HOST}:{port}"), "utf-8"
        )
        return [
            f"--config.file={config}",
            f"--storage.tsdb.path={self.data_dir / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--log.level=warn",
        ]

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now: each with `metric` and `value`."""
        answer = await self.ask("/api/v1/query", query=expression)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def until(self, expression: str, *, seconds: float) -> list[dict[str, Any]]:
        """Wait until an expression gives a series. Raises NoAnswer."""
        deadline = time.monotonic() + seconds
        while not (found := await self.query(expression)):
            if time.monotonic() > deadline:
                raise NoAnswer(f"nothing within {seconds:g} s: {expression}")
            await asyncio.sleep(_POLL_SECONDS)
        return found

    async def rules(self) -> list[dict[str, Any]]:
        """Every rule with its `health`, its `lastError` and, of an alert, its `state`."""
        groups = (await self.ask("/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


class Alertmanager(WatchingServer):
    """Alertmanager with our routes; it posts to `receiver` with the key in `key_file`.

    It does not wait to group: each alert is told a second after it fires.
    """

    name = "alertmanager"
    _programs = ("prometheus-alertmanager", "alertmanager")  # Debian's name and its own

    def __init__(self, data_dir: Path, *, receiver: str, key_file: Path) -> None:
        super().__init__(data_dir)
        self._receiver = receiver
        self._key_file = key_file

    def _arguments(self, port: int) -> list[str]:
        settings = yaml.safe_load((OBSERVABILITY / "alertmanager" / "alertmanager.yml").read_text("utf-8"))
        for route in (settings["route"], *settings["route"]["routes"]):
            route["group_wait"] = "1s"
        (hook,) = settings["receivers"][0]["webhook_configs"]
        hook["url"] = self._receiver
        hook["http_config"]["authorization"]["credentials_file"] = str(self._key_file)
        config = self.data_dir / "alertmanager.yml"
        config.write_text(yaml.safe_dump(settings), "utf-8")
        return [
            f"--config.file={config}",
            f"--storage.path={self.data_dir / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]


def health_address(log: Path) -> str:
    """Where an agent host told in its log that it listens: host:port."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    told: list[str] = [line["address"] for line in lines if line["event"] == "health.listening"]
    return told[-1]


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://{HOST}:{port}/-/ready", timeout=2.0).status_code == 200
    except httpx2.TransportError:
        return False
