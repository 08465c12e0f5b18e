"""Facts about this machine's Docker Engine, for `airlock doctor`: what it is, has and really enforces.

Nothing is changed, but for two small containers that try the limits and are removed.
"""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import docker
import requests

from ..images.agent_sources import builtin_agents
from ..images.builder import BASE, LABEL_IMAGES, SUITE, Built, ImageBuilder
from ..images.packages import INCLUDED, BuildProblem, suite_tarball
from ..sandbox.engine import Engine, connect
from ..sandbox.policy import LABEL_BOOT, LABEL_HOST, LABEL_INSTALL, ContainerPolicy, Owner

_SECONDS = 20.0
_MIB = 1024 * 1024
_PIDS = 24
_MEMORY_MB = 48
_FORKS = """
import os, signal
made = 0
try:
    while made < 100:
        if os.fork() == 0:
            signal.pause()
        made += 1
except OSError:
    pass
os._exit(made)
"""
"""Its exit code is the number of processes that it could make."""
_MEMORY = f"held = [bytes([1]) * {_MIB} for _ in range({3 * _MEMORY_MB})]"
_OUT_OF_MEMORY = 137


@dataclass(frozen=True)
class ImageState:
    """One of Airlock's images: there or not, and whether it is what this checkout would build."""

    tag: str
    present: bool
    current: bool | None
    """None: this machine cannot tell."""


def diagnose(engine: Engine, install: str | None, base: str | None) -> dict[str, Any]:
    """Gather the facts; a part that cannot be looked at says so in its `problem`."""
    client = connect(engine, timeout=_SECONDS)
    try:
        return {
            "engine": {"address": engine.address.host, "version": engine.version, **_engine(client)},
            "images": [asdict(state) for state in _images(client, base)],
            "leftovers": _leftovers(client),
            "containers": _containers(client, install) if install else [],
            "limits": _limits(client, install or "doctor"),
        }
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        return {"problem": f"the engine failed while it was looked at: {' '.join(str(error).split())[:300]}"}
    finally:
        client.close()


def _engine(client: docker.APIClient) -> dict[str, Any]:
    before = time.time()
    info = client.info()
    between = (before + time.time()) / 2
    root = str(info.get("DockerRootDir") or "")
    here = _is_here(client) and os.path.isdir(root)
    return {
        "storage_driver": info.get("Driver"),
        "cgroup_version": info.get("CgroupVersion"),
        "cgroup_driver": info.get("CgroupDriver"),
        "security": info.get("SecurityOptions") or [],
        "warnings": info.get("Warnings") or [],
        "runtime": info.get("DefaultRuntime"),
        "root": root,
        # Of a remote engine, or one in a virtual machine, this machine cannot see the disk.
        "free_bytes": shutil.disk_usage(root).free if here else None,
        "clock_ahead": _clock(info, between),
        "networks": len(client.networks()),
        "running": info.get("ContainersRunning"),
    }


def _is_here(client: docker.APIClient) -> bool:
    """Whether the engine is reached through a socket of this machine."""
    return str(client.base_url).startswith("http+docker://")


def _clock(info: dict[str, Any], now: float) -> float | None:
    try:
        # Nanoseconds are more than Python reads.
        text = str(info["SystemTime"])
        head, _, rest = text.partition(".")
        zone = rest.lstrip("0123456789") or "Z"
        stamp = f"{head}.{rest[: len(rest) - len(zone)][:6]}{zone}" if rest else head
        return datetime.fromisoformat(stamp).timestamp() - now
    except (KeyError, ValueError):
        return None


class _Looker(ImageBuilder):
    """Does all that building does but for building."""

    def __init__(self, client: docker.APIClient, base: str | None) -> None:
        super().__init__(client, base=base)
        self.states: list[ImageState] = []

    def build_suite(self, tag: str = SUITE, *, include: Sequence[str] = INCLUDED) -> str:
        return self._current(tag, suite_tarball(include).content) or ""

    def _pull_if_missing(self, image: str) -> None:
        self._inspect(image)

    def _build(self, tag: str, files: object, *, content: str, base: str, network: bool) -> Built:
        found = self._current(tag, content)
        try:
            image_id = str(self._inspect(tag)["Id"])
        except docker.errors.ImageNotFound:
            image_id = ""
        self.states.append(ImageState(tag, present=bool(image_id), current=found is not None))
        return Built(tag=tag, image_id=image_id, rebuilt=False, seconds=0.0)


def _images(client: docker.APIClient, base: str | None) -> list[ImageState]:
    try:
        looker = _Looker(client, base)
        looker.build(builtin_agents())
    except (BuildProblem, docker.errors.ImageNotFound):
        # Not from here: a wheel has no recipes, another suite no packages. What is there can still be told.
        return [ImageState(tag, _present(client, tag), None) for tag in _tags()]
    return looker.states


def _tags() -> list[str]:
    return [BASE, *(agent.image for agent in builtin_agents())]


def _present(client: docker.APIClient, tag: str) -> bool:
    try:
        client.inspect_image(tag)  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        return False
    return True


def _leftovers(client: docker.APIClient) -> dict[str, int]:
    """Airlock's images that have lost their name: earlier builds that nothing is called any more."""
    found = client.images(filters={"label": f"{LABEL_IMAGES}=1", "dangling": True})
    return {"images": len(found), "bytes": sum(int(image["Size"]) for image in found)}


def _containers(client: docker.APIClient, install: str) -> list[dict[str, Any]]:
    listed = client.containers(all=True, filters={"label": f"{LABEL_INSTALL}={install}"})
    return [
        {
            "name": (item.get("Names") or ["?"])[0].lstrip("/"),
            "state": item.get("State"),
            "host": (item.get("Labels") or {}).get(LABEL_HOST),
            "boot": (item.get("Labels") or {}).get(LABEL_BOOT),
            "age_seconds": max(0, int(time.time() - int(item.get("Created") or 0))),
        }
        for item in listed
    ]


def _limits(client: docker.APIClient, install: str) -> dict[str, Any]:
    """Try whether a limit of processes and one of memory really hold."""
    if not _present(client, BASE):
        return {"problem": f"not tried: the image {BASE} is not built"}
    forks = _ended(client, install, "pids", _FORKS)
    memory = _ended(client, install, "memory", _MEMORY)
    return {
        "pids": _PIDS,
        "processes_made": forks["ExitCode"],
        "memory_mb": _MEMORY_MB,
        "killed_for_memory": bool(memory["OOMKilled"]) or memory["ExitCode"] == _OUT_OF_MEMORY,
        "problem": (forks.get("Error") or memory.get("Error") or "")[:300],
    }


def _ended(client: docker.APIClient, install: str, name: str, code: str) -> dict[str, Any]:
    policy = ContainerPolicy(
        owner=Owner(install=install, host="doctor", boot="doctor", sandbox=f"{name}-{os.urandom(6).hex()}"),
        image=str(client.inspect_image(BASE)["Id"]),  # type: ignore[no-untyped-call]
        command=("python3", "-I", "-c", code),
        memory_bytes=_MEMORY_MB * _MIB,
        nano_cpus=1_000_000_000,
        pids=_PIDS,
        scratch_bytes=_MIB,
    )
    made = client.create_container_from_config(policy.to_api(), policy.owner.container_name)  # type: ignore[no-untyped-call]
    try:
        client.start(made["Id"])
        client.wait(made["Id"], timeout=int(_SECONDS))
        state: dict[str, Any] = client.inspect_container(made["Id"])["State"]
        return state
    except docker.errors.APIError as error:
        return {"ExitCode": -1, "OOMKilled": False, "Error": str(error.explanation or error)}
    finally:
        client.remove_container(made["Id"], force=True, v=True)
