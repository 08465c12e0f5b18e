"""Facts about this machine's Docker Engine, for `airlock doctor`: what it is, has and really enforces.

Nothing is changed, but for two small containers that try the limits and are removed.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import docker
import requests

from ..images.agent_sources import builtin_agents
from ..images.builder import LABEL_IMAGES, Present, present
from ..images.packages import BuildProblem, suite_tarball
from ..images.recipes import BASE, SUITE, Plan, agent_plan, base_plan, pinned_name
from ..sandbox.engine import Engine, connect
from ..sandbox.guard import watched
from ..sandbox.policy import LABEL_BOOT, LABEL_HOST, LABEL_INSTALL, ContainerPolicy, Owner

_SECONDS = 20.0
_MIB = 1024 * 1024
_TOLD = 300
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
    """Gather the facts; a part that cannot be looked at is `{"problem": why}`, and hides no other."""
    client = connect(engine, timeout=_SECONDS)
    try:
        return {
            "engine": _part(lambda: {**_named(engine), **_engine(client)}),
            "images": _part(lambda: [asdict(state) for state in _images(client, base)]),
            "leftovers": _part(lambda: _leftovers(client)),
            "containers": _part(lambda: _containers(client, install) if install else []),
            "limits": _part(lambda: _limits(client, engine.processors, install or "doctor")),
        }
    finally:
        client.close()


_FAILURES = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    OSError,
    subprocess.SubprocessError,  # apt-config, on a machine that is very slow
)


def _part(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except _FAILURES as error:
        said = error.explanation if isinstance(error, docker.errors.APIError) else None
        return {"problem": " ".join(str(said or error).split())[:_TOLD]}


def _named(engine: Engine) -> dict[str, Any]:
    return {"address": engine.address.host, "version": engine.version}


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


def current_names(engine: Engine, base: str | None) -> dict[str, str]:
    """The images that building would leave as they are: by tag, the name that no other build takes over.

    Raises EngineProblem, BuildProblem.
    """
    client = connect(engine, timeout=_SECONDS)
    try:
        plans = _plans(client, base)
        return {plan.tag: plan.pinned for plan in plans if present(client, plan.pinned) is not None}
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise BuildProblem(f"the engine refused: {error}") from error
    finally:
        client.close()


def _images(client: docker.APIClient, base: str | None) -> list[ImageState]:
    tags = (BASE, *(agent.image for agent in builtin_agents()))
    found = {tag: present(client, tag) for tag in tags}
    try:
        plans = _plans(client, base)
    except BuildProblem:
        # Not from here: a wheel has no recipes, another suite no packages. What is there can still be told.
        return [ImageState(tag, image is not None, None) for tag, image in found.items()]
    return [_state(client, plan, found[plan.tag]) for plan in plans]


def _plans(client: docker.APIClient, base: str | None) -> list[Plan]:
    """What this checkout would build, on what is here. Raises BuildProblem."""
    first = base_plan(_source(client, base))
    on = present(client, first.pinned)
    return [first, *(agent_plan(agent, on.image_id if on else "") for agent in builtin_agents())]


def _state(client: docker.APIClient, plan: Plan, latest: Present | None) -> ImageState:
    """Whether its content is here: `latest` may be another checkout's, and nothing runs by that name."""
    found = present(client, plan.pinned)
    current = found is not None and found.content == plan.content
    return ImageState(plan.tag, current or latest is not None, current)


def _source(client: docker.APIClient, base: str | None) -> str:
    """The id of the image that the base would be built on; empty where that one would be made first."""
    if base is not None:
        if (given := present(client, base)) is None:
            raise BuildProblem(f"{base} is not here, and looking pulls nothing")
        return given.image_id
    content = suite_tarball().content
    for name in (pinned_name(SUITE, content), SUITE):
        if (suite := present(client, name)) is not None and suite.content == content:
            return suite.image_id
    return ""


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


def _limits(client: docker.APIClient, processors: int, install: str) -> dict[str, Any]:
    """Try whether a limit of processes and one of memory really hold."""
    base = present(client, BASE)
    if base is None:
        return {"untried": f"the image {BASE} is not built"}

    def ended(name: str, code: str) -> dict[str, Any]:
        sandbox = f"{name}-{os.urandom(6).hex()}"
        policy = ContainerPolicy(
            owner=Owner(install=install, host="doctor", boot="doctor", sandbox=sandbox),
            image=base.image_id,
            command=("python3", "-I", "-c", code),
            memory_bytes=_MEMORY_MB * _MIB,
            nano_cpus=1_000_000_000,
            pids=_PIDS,
            scratch_bytes=_MIB,
            processors=processors,
        )
        return _ended(client, policy)

    forks, memory = ended("pids", _FORKS), ended("memory", _MEMORY)
    return {
        "pids": _PIDS,
        "processes_made": forks["ExitCode"],
        "memory_mb": _MEMORY_MB,
        "killed_for_memory": bool(memory["OOMKilled"]) or memory["ExitCode"] == _OUT_OF_MEMORY,
        "problem": (forks.get("Error") or memory.get("Error") or "")[:_TOLD],
    }


def _ended(client: docker.APIClient, policy: ContainerPolicy) -> dict[str, Any]:
    """Run a container to its end, at most so long; answers how it ended. Leaves none behind."""
    name = policy.owner.container_name
    with watched(name, policy.owner.labels):  # no janitor's: its host is none
        try:
            made = client.create_container_from_config(policy.to_api(), name)  # type: ignore[no-untyped-call]
            client.start(made["Id"])
            client.wait(made["Id"], timeout=int(_SECONDS))
            state: dict[str, Any] = client.inspect_container(made["Id"])["State"]
            return state
        finally:
            # By its name: a create that was not answered may have made it all the same.
            with contextlib.suppress(docker.errors.NotFound):
                client.remove_container(name, force=True, v=True)
