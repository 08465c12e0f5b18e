"""The composed stack as its tests use it: a checkout of their own, in which docs/docker.md is typed."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from airlock_client.client import AirlockClient
from airlock_client.errors import ClientError
from guide_commands import GuideBroken, run_guide, steps

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "docker.md").read_text(encoding="utf-8")
PROCESSES = ("orchestration", "agent-host")
MARK = "airlock.stage"
"""The label of a build's stages, which are of no use once it is over."""
_COMPOSE = "docker compose --env-file .env -f infra/compose.yaml"
NOT_TYPED = {
    "make images": "was done before these tests, and here would make an environment anew",
    f"{_COMPOSE} --profile core --profile observability up --detach": "its images come from a registry",
    f"{_COMPOSE} ps otel-collector": "its image comes from a registry",
    f"{_COMPOSE} logs --tail 50 otel-collector": "its image comes from a registry",
}
"""What the page or another says and these tests do not do."""
NOWHERE = "http://192.0.2.1:3128"
"""A proxy that nobody reaches, in Docker's client configuration: Compose gives it to every container."""
STRANGER = "4242"
"""An account that no image knows, where these tests are root's; else it is who runs them."""
_COMPOSE_V2 = """\
#!/bin/sh
# `docker compose`, by what is there.
if [ "$1" = compose ]; then shift; exec docker-compose "$@"; fi
exec {docker} "$@"
"""
_LEFT_OUT = {
    ROOT: (".git", ".venv", ".airlock", ".env", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"),
    ROOT / "infra": ("secrets",),
}
"""What a checkout has after it was used."""
_PORTS = 10
_BUILD_SECONDS = 400
_UP_SECONDS = 180
_POLL_SECONDS = 0.3


@dataclass
class ComposedStack:
    """One project of Compose. Its files are in `place`, and what it makes carries its name."""

    name: str
    place: Path
    engine: docker.DockerClient
    settings: Mapping[str, str]
    typed: set[str] = field(default_factory=set)
    """The page's commands that were typed so far."""
    _environment: dict[str, str] = field(default_factory=dict)
    _port: int = 0

    @property
    def checkout(self) -> Path:
        """Where the page is typed."""
        return self.place / "checkout"

    @property
    def secrets(self) -> Path:
        """Where its passwords and keys are."""
        return self.checkout / "infra" / "secrets"

    @property
    def key(self) -> str:
        """The key that was made at the first start."""
        return (self.secrets / "keys" / "admin.key").read_text().strip()

    def image(self, process: str) -> str:
        """The name of one of our images, this project's own."""
        return f"{self.name}-{process}:test"

    def setting(self, name: str) -> str:
        """What the file of settings says."""
        return str(re.findall(rf"^{name}=(.*)$", (self.checkout / ".env").read_text(), re.MULTILINE)[-1])

    def prepare(self) -> None:
        """Copy the checkout, and make its secrets and settings as the page says, with these tests' own."""
        shutil.copytree(ROOT, self.checkout, ignore=_used)
        (self.checkout / ".venv").symlink_to(sys.prefix)
        for name, text in (
            ("docker/config.json", json.dumps({"proxies": {"default": {"httpProxy": NOWHERE}}})),
            ("bin/docker", _COMPOSE_V2.format(docker=shutil.which("docker"))),
        ):
            (self.place / name).parent.mkdir()
            (self.place / name).write_text(text)
        (self.place / "bin" / "docker").chmod(0o755)
        account = {"AIRLOCK_UID": STRANGER, "AIRLOCK_GID": STRANGER} if os.getuid() == 0 else {}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
        self._environment = clean | account
        self._environment |= {
            "PATH": f"{self.place / 'bin'}{os.pathsep}{clean.get('PATH', os.defpath)}",
            "DOCKER_CONFIG": str(self.place / "docker"),
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_DOCKER_CLI_BUILD": "0",
            "DOCKER_BUILDKIT": "0",
            "COLUMNS": "200",
        }
        self._port = free_ports(_PORTS)
        self.type("Secrets and settings", seconds=_BUILD_SECONDS)
        own = {
            "AIRLOCK_ORCHESTRATION_IMAGE": self.image("orchestration"),
            "AIRLOCK_AGENT_HOST_IMAGE": self.image("agent-host"),
            "AIRLOCK_API_PUBLISH": f"127.0.0.1:{self._port}",
            **self.settings,
        }
        with (self.checkout / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in own.items())

    def type(self, title: str, *, seconds: float = _UP_SECONDS) -> None:
        """Type what a section of the page says, in the checkout, on this project's ports."""
        self._type(title, section(title), seconds=seconds)

    def type_of_other_pages(self) -> None:
        """Type what other pages say of Compose, from page to page; each command names its service last."""
        told = [one for one in of_other_pages() if one not in NOT_TYPED]
        lines = "".join(f"$ {one}\n...{one.rpartition(' ')[2]}...\n" for one in told)
        self._type("other pages", f"```console\n{lines}```\n", seconds=_UP_SECONDS)

    def _type(self, title: str, found: str, *, seconds: float) -> None:
        told = [step.command for step in steps(found) if step.command]
        kept = [line for line in found.splitlines() if line.removeprefix("$ ") not in NOT_TYPED]
        text = "\n".join(kept).replace(
            "127.0.0.1:9002-9011", f"127.0.0.1:{self._port}-{self._port + _PORTS - 1}"
        )
        page = self.place / "docker.md"
        page.write_text(f"{text.replace('127.0.0.1:9002', f'127.0.0.1:{self._port}')}\n")
        reader = {"AIRLOCK_KEY_FILE": "infra/secrets/keys/admin.key"}
        if urls := self.urls():
            reader["AIRLOCK_URL"] = urls[0]
        try:
            run_guide(page, folder=self.checkout, environment=self._environment | reader, seconds=seconds)
        except GuideBroken as broken:
            raise AssertionError(f"{title}: {broken}{self._said()}") from broken
        self.typed |= set(told) - set(NOT_TYPED)

    def compose(self, *arguments: str, seconds: float = _UP_SECONDS) -> str:
        """Run one of Compose's commands on the profile `core`; answers what it printed."""
        command = ["docker-compose", "--env-file", ".env", "--file", "infra/compose.yaml"]
        done = subprocess.run(
            [*command, "--profile", "core", *arguments],
            cwd=self.checkout,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-3000:]}{self._said()}"
        return done.stdout

    def up(self, *, replicas: int = 2, hosts: int = 2) -> None:
        """Start everything, each part once what it stands on is well."""
        scale = ("--scale", f"orchestration={replicas}", "--scale", f"agent-host={hosts}")
        self.compose("up", "--detach", "--no-build", *scale)

    def down(self) -> None:
        """Stop and remove the containers and networks."""
        self.compose("down", "--timeout", "40")

    def containers(self, service: str = "") -> list[Any]:
        """The project's containers, running or not; or those of one service, by number."""
        labels = [f"com.docker.compose.project={self.name}"]
        labels += [f"com.docker.compose.service={service}"] if service else []
        found = self.engine.containers.list(all=True, filters={"label": labels})
        return sorted(found, key=lambda one: one.name)

    def left(self) -> list[str]:
        """Names of what is there of the project: containers, networks, volumes."""
        mine: dict[str, Any] = {"label": f"com.docker.compose.project={self.name}"}
        containers = self.engine.containers.list(all=True, filters=mine)
        others = [*self.engine.networks.list(filters=mine), *self.engine.volumes.list(filters=mine)]
        return [str(one.attrs.get("Name", one.id)) for one in (*containers, *others)]

    def urls(self, service: str = "orchestration") -> list[str]:
        """Where each replica of the orchestration service is found on this machine now."""
        ports = [replica.attrs["NetworkSettings"]["Ports"] for replica in self.containers(service)]
        return [
            f"http://127.0.0.1:{port['9002/tcp'][0]['HostPort']}" for port in ports if port.get("9002/tcp")
        ]

    def airlock(self, *arguments: str, seconds: float = 60) -> str:
        """Run the command line against the first replica; answers what it printed."""
        mine = {"AIRLOCK_URL": self.urls()[0], "AIRLOCK_KEY_FILE": str(self.secrets / "keys" / "admin.key")}
        done = subprocess.run(
            [sys.executable, "-m", "airlock_client", *arguments],
            env=self._environment | mine,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}{self._said()}"
        return done.stdout

    def trigger(self, workflow: str, *arguments: str) -> str:
        """Start a run by the command line; answers its id."""
        run: str = json.loads(self.airlock("run", workflow, *arguments, "--json"))["id"]
        return run

    def clients(self, service: str = "orchestration") -> list[AirlockClient]:
        """One client for each replica."""
        return [AirlockClient(url, self.key) for url in self.urls(service)]

    def remove(self) -> None:
        """Remove all of it: containers, networks, volumes, both images, and the stages of their builds."""
        self.compose("--profile", "dev", "down", "--timeout", "40", "--volumes")
        for process in PROCESSES:
            try:
                self.engine.images.remove(self.image(process), force=True)
            except docker.errors.ImageNotFound:
                continue  # it was never built
        self.engine.images.prune(filters={"dangling": True, "label": MARK})

    def _said(self) -> str:
        """The last lines of every container that is there: why it did not come up."""
        said = [f"\n--- {one.name} ({one.status}): {one.logs(tail=8).decode()}" for one in self.containers()]
        return "".join(said)[-8000:]


def _used(folder: str, names: list[str]) -> list[str]:
    """What is not copied of a folder."""
    left_out = ("__pycache__", *_LEFT_OUT.get(Path(folder), ()))
    return [name for name in names if name in left_out]


def section(title: str) -> str:
    """A section of the page, with what stands below it."""
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def commands() -> set[str]:
    """All that the page says to type."""
    return {step.command for step in steps(PAGE) if step.command}


def of_other_pages() -> list[str]:
    """What other pages say of Compose within their text, in order."""
    pages = [page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))]
    found = [one for page in pages if page != PAGE for one in re.findall(r"`(docker compose [^`]+)`", page)]
    return [" ".join(one.split()) for one in found]


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on; other suites begin to look elsewhere."""
    low, high = 20_000, 30_000  # below those that connections are given
    begin = low + os.getpid() * count % (high - low)
    starts: list[int] = [*range(begin, high, count), *range(low, begin, count)]
    for first in starts:
        with ExitStack() as taken:
            try:
                for port in range(first, first + count):
                    taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError(f"no {count} ports in a row are free")


async def until_hosts_are_up(
    client: AirlockClient, count: int, *, pool: str = "default", seconds: float = 60
) -> list[str]:
    """Wait until so many hosts of a pool are up; answers their names."""
    async with asyncio.timeout(seconds):
        while True:
            hosts = [host for host in await client.hosts() if host.pool == pool]
            names = sorted(host.name for host in hosts if host.status == "UP")
            if len(names) == count:
                return names
            await asyncio.sleep(_POLL_SECONDS)


async def until_final(client: AirlockClient, run: str, *, seconds: float = 120) -> Any:
    """Wait until a run has ended; a replica that is away for a moment is asked again."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                view = await client.run(run)
            except ClientError:
                view = None
            if view is not None and view.status.is_final:
                return view
            await asyncio.sleep(_POLL_SECONDS)


def wait_until_well(container: Any, *, seconds: float = 120) -> None:
    """Wait until a container's health check says that it is healthy; what it said before is not believed."""
    deadline = time.monotonic() + seconds
    container.reload()
    while container.attrs["State"]["Health"]["Status"] != "healthy":
        assert time.monotonic() < deadline, container.attrs["State"]
        time.sleep(_POLL_SECONDS)
        container.reload()
