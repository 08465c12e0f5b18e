"""Looks at an image before it is registered: pins it by digest, or says why it cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .docker import Containers

_MAX_BYTES = 4 * 1024**3
_MAX_SETTINGS = 256
"""Labels, and lines of environment: more is no configuration but an attack or an accident."""
_ARCHITECTURES = {"amd64": "amd64", "x86_64": "amd64", "arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Pinned:
    """What containers run: the repository digest where it was pulled, else the image id."""

    digest: str


@dataclass(frozen=True)
class Unusable:
    """Why this image is refused, in a sentence for its author."""

    problem: str


async def inspect_image(containers: Containers, image: str) -> Pinned | Unusable:
    """Pin an image that the engine has, or say what is wrong. Raises EngineFailed."""
    found = await containers.image(image)
    if found is None:
        return Unusable(f"this host has no image {image!r}: build it or pull it there first")
    return judge_image(image, found, architecture=containers.engine.architecture)


def judge_image(image: str, found: Mapping[str, Any], *, architecture: str) -> Pinned | Unusable:
    """Judge what the engine says about an image. Pure."""
    config = found.get("Config") or {}
    if config.get("Volumes"):
        names = ", ".join(sorted(config["Volumes"]))
        return Unusable(
            f"{image!r} declares VOLUME {names}: that is a writable folder on the host without a limit"
        )
    if config.get("OnBuild"):
        return Unusable(f"{image!r} has ONBUILD instructions: it is made to be built upon, not to run")
    theirs, ours = str(found.get("Architecture", "")), architecture
    if theirs and ours and _ARCHITECTURES.get(theirs, theirs) != _ARCHITECTURES.get(ours, ours):
        return Unusable(f"{image!r} is built for {theirs}, this host runs {ours}")
    if str(found.get("Os", "linux")) != "linux":
        return Unusable(f"{image!r} is no Linux image")
    if int(found.get("Size") or 0) > _MAX_BYTES:
        return Unusable(f"{image!r} is larger than {_MAX_BYTES // 1024**3} GiB")
    if max(len(config.get("Env") or []), len(config.get("Labels") or {})) > _MAX_SETTINGS:
        return Unusable(f"{image!r} has more than {_MAX_SETTINGS} labels or environment variables")
    return Pinned(digest=_digest(image, found))


def _digest(image: str, found: Mapping[str, Any]) -> str:
    digests: list[str] = sorted(found.get("RepoDigests") or [])
    repository = image.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    own = [digest for digest in digests if digest.partition("@")[0] == repository]
    return (own or digests or [str(found["Id"])])[0]
