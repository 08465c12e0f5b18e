"""What an install ships with: the built-in agents and workflows, found, built and registered."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from airlock_client.client import AirlockClient
from airlock_client.embedded.errors import EmbeddedError

from ..errors import ProblemError
from .parts import run_module
from .shipped_workflows import apply_shipped

_BUILD_SECONDS = 900.0
_NAMES_SECONDS = 60.0
_OTHER_CONTENT = "agent.conflict"
_IMAGE = re.compile(rb"^image: ([a-z0-9-]+)$", re.MULTILINE)
_KEPT = (
    "HOME",
    "PATH",
    "TMPDIR",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "XDG_RUNTIME_DIR",
    "AIRLOCK_BASE_IMAGE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_KEPT_PREFIXES = ("PIP_", "SSL_", "REQUESTS_", "CURL_")
"""Mirrors and certificates come from the machine's own configuration."""


class NotShipped(EmbeddedError):
    """This installation lacks the built-in agents."""


def builtin_agents() -> list[Path]:
    """The manifests of the built-in agents, found without importing them. Raises NotShipped."""
    spec = find_spec("airlock_agents")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = sorted(path for place in places for path in (Path(place) / "builtin").glob("*/agent.yaml"))
    if not found:
        raise NotShipped("no built-in agents are installed: pip install 'airlock[agents]'")
    return found


def examples() -> Path | None:
    """The folder of examples, in a checkout."""
    folder = Path(__file__).parents[4] / "examples"
    return folder if folder.is_dir() else None


def docker_environment() -> dict[str, str]:
    """What of our environment the commands that talk to Docker and build images need."""
    return {
        name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }


async def build_images(say: Callable[[str], None]) -> dict[str, str]:
    """Build the built-in agents' images where their content changed; `say` hears of progress.

    Answers by which name each is to be registered: one that no other checkout's build takes over.
    Raises ServerFailed.
    """
    build = ["airlock_agents", "images", "build", "--json"]
    said = await run_module(build, docker_environment(), seconds=_BUILD_SECONDS, say=say)
    return {one["tag"]: one["pinned"] for one in json.loads(said)}


async def image_names() -> dict[str, str]:
    """The same of what is built already; raises ServerFailed where this machine cannot tell."""
    names = ["airlock_agents", "images", "names"]
    found: dict[str, str] = json.loads(await run_module(names, docker_environment(), seconds=_NAMES_SECONDS))
    return found


def pinned(manifest: bytes, images: Mapping[str, str]) -> bytes:
    """Write the name of one build into a built-in agent's manifest. Raises NotShipped. Pure."""
    found = _IMAGE.findall(manifest)
    image = images.get(found[0].decode()) if len(found) == 1 else None
    if image is None:
        raise NotShipped(f"a built-in agent names no image that was built: {b', '.join(found).decode()}")
    return _IMAGE.sub(b"image: " + image.encode(), manifest)


async def register(
    client: AirlockClient, folder: Path, images: Mapping[str, str], say: Callable[[str], None]
) -> list[str]:
    """Register the built-in agents, then apply the example workflows; answers the agents' names.

    `folder` is the install's own; it notes there which workflows it shipped. `images` is what
    `build_images` answered: an agent runs what was built from here, whoever else builds beside us.

    What an older build of this install registered under the same version stays: a version never changes.
    """
    names = []
    for path in builtin_agents():
        try:
            manifest = pinned(await asyncio.to_thread(path.read_bytes), images)
            view, new = await client.register_agent(manifest)
        except ProblemError as error:
            if error.problem.code != _OTHER_CONTENT:
                raise
            name = path.parent.name.replace("_", "-")  # a package cannot be spelled as its agent
            say(f"{name}: kept as an older build registered it under the same version")
            continue
        names.append(f"{view.name}@{view.version}")
        if new:
            say(f"registered {view.name}@{view.version}")
    await apply_shipped(client, workflows(), folder / "shipped.json", say)
    return names


def workflows() -> list[Path]:
    """The example workflows: `storefront.flaws.yaml` is none."""
    folder = examples()
    found = sorted(folder.glob("*.yaml")) if folder is not None else []
    return [path for path in found if path.name.count(".") == 1]
