"""The composed stack as its tests use it: a project of their own, from secrets to the last container."""

import asyncio
import json
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from airlock_client.client import AirlockClient
from airlock_client.errors import ClientError

ROOT = Path(__file__).parents[2]
FILE = ROOT / "infra" / "compose.yaml"
OFFLINE = ROOT / "infra" / "docker" / "offline.py"
PROCESSES = ("orchestration", "agent-host")
MARK = "airlock.stage"
"""The label of a build's stages, which are of no use once it is over."""
_BUILD_SECONDS = 300
_UP_SECONDS = 180
_POLL_SECONDS = 0.3


def offline_images(client: docker.APIClient) -> dict[str, str]:
    """What stands in for a registry's images, made of this machine's packages, by the variables of .env."""
    made: dict[str, str] = runpy.run_path(str(OFFLINE))["make"](client)
    return made


@dataclass
class ComposedStack:
    """One project of Compose. Its files are in `place`, and what it makes carries its name."""

    name: str
    place: Path
    engine: docker.DockerClient
    settings: Mapping[str, str]
    _environment: dict[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> Path:
        """Where its passwords and keys are."""
        return self.place / "secrets"

    @property
    def key(self) -> str:
        """The key that was made at the first start."""
        return (self.secrets / "keys" / "admin.key").read_text().strip()

    def image(self, process: str) -> str:
        """The name of one of our images, this project's own."""
        return f"{self.name}-{process}:test"

    def prepare(self) -> None:
        """Make the secrets and the file of settings, as an operator does, then write this test's into it."""
        env = self.place / ".env"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
        made = {"AIRLOCK_SECRETS": str(self.secrets), "AIRLOCK_ENV_FILE": str(env)}
        subprocess.run([ROOT / "infra/local/secrets.sh"], env=clean | made, check=True, timeout=30)
        own = {
            "AIRLOCK_SECRETS": str(self.secrets),
            "AIRLOCK_ORCHESTRATION_IMAGE": self.image("orchestration"),
            "AIRLOCK_AGENT_HOST_IMAGE": self.image("agent-host"),
            "AIRLOCK_API_PUBLISH": "127.0.0.1:",  # any free port
            **self.settings,
        }
        with env.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in own.items())
        self._environment = clean | {"COMPOSE_DOCKER_CLI_BUILD": "0", "DOCKER_BUILDKIT": "0"}

    def compose(self, *arguments: str, seconds: float = _UP_SECONDS) -> str:
        """Run one of Compose's commands on the profile `core`; answers what it printed."""
        command = ["docker-compose", "--env-file", str(self.place / ".env"), "--project-name", self.name]
        done = subprocess.run(
            [*command, "--file", str(FILE), "--profile", "core", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-3000:]}{self._said()}"
        return done.stdout

    def build(self) -> None:
        """Build both images."""
        self.compose("build", "--parallel", *PROCESSES, seconds=_BUILD_SECONDS)

    def up(self, *, replicas: int = 2, hosts: int = 2) -> None:
        """Start everything, each part once what it stands on is well."""
        scale = ("--scale", f"orchestration={replicas}", "--scale", f"agent-host={hosts}")
        self.compose("up", "--detach", "--no-build", *scale)

    def down(self, *, volumes: bool = False) -> None:
        """Stop and remove the containers and networks; `volumes` too if asked."""
        self.compose("down", "--timeout", "40", *(("--volumes",) if volumes else ()))

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

    def urls(self) -> list[str]:
        """Where each replica of the orchestration service is found on this machine now."""
        ports = [replica.attrs["NetworkSettings"]["Ports"] for replica in self.containers("orchestration")]
        return [f"http://127.0.0.1:{port['9002/tcp'][0]['HostPort']}" for port in ports if port]

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

    def clients(self) -> list[AirlockClient]:
        """One client for each replica."""
        return [AirlockClient(url, self.key) for url in self.urls()]

    def remove(self) -> None:
        """Remove all of it: containers, networks, volumes, both images, and the stages of their builds."""
        self.down(volumes=True)
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


async def until_hosts_are_up(client: AirlockClient, count: int, *, seconds: float = 60) -> list[str]:
    """Wait until so many hosts are up; answers their names."""
    async with asyncio.timeout(seconds):
        while True:
            names = sorted(host.name for host in await client.hosts() if host.status == "UP")
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


def wait_until_well(container: Any, *, seconds: float = 60) -> None:
    """Wait until a container's health check says that it is healthy."""
    deadline = time.monotonic() + seconds
    while container.attrs["State"]["Health"]["Status"] != "healthy":
        assert time.monotonic() < deadline, container.attrs["State"]
        time.sleep(_POLL_SECONDS)
        container.reload()
