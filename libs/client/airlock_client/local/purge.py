"""What an install left on this machine, and removing it: containers, networks, images, the data folder."""

import asyncio
import json
import shutil
from dataclasses import dataclass

from .folder import DataFolder
from .parts import run_module
from .shipped import docker_environment

_PURGE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that an install left."""

    kind: str
    """container, network, image or data."""
    name: str
    id: str = ""
    removed: bool = False
    problem: str | None = None


async def list_leftovers(folder: DataFolder, *, images: bool) -> list[Leftover]:
    """List what the install of this data folder left. Raises ServerFailed where Docker does not answer."""
    return [*await _ask_docker(folder, images=images, remove=False), *await asyncio.to_thread(_data, folder)]


async def remove_leftovers(folder: DataFolder, *, images: bool) -> list[Leftover]:
    """Remove it: on the Docker Engine first, the data last, so that a failure leaves the install's id.

    Raises FolderInUse when the install runs.
    """
    lock = folder.lock
    exists = folder.install_id() is not None
    if exists:
        await asyncio.to_thread(lock.take, seconds=0.0, again=False)
    try:
        found = await _ask_docker(folder, images=images, remove=True)
        if any(item.problem for item in found):
            return found
        data = await asyncio.to_thread(_data, folder)
        if exists:
            await asyncio.to_thread(shutil.rmtree, folder.path)
        return [*found, *(Leftover(item.kind, item.name, removed=True) for item in data)]
    finally:
        lock.let_go()


async def _ask_docker(folder: DataFolder, *, images: bool, remove: bool) -> list[Leftover]:
    install = await asyncio.to_thread(folder.install_id)
    if install is None:
        return []
    module = ["airlock_agents", "purge", "--json", "--install", install]
    module += [*(["--images"] if images else []), *(["--yes"] if remove else [])]
    said = await run_module(module, docker_environment(), seconds=_PURGE_SECONDS, codes=(0, 1))
    return [Leftover(**item) for item in json.loads(said)]


def _data(folder: DataFolder) -> list[Leftover]:
    if folder.install_id() is None:
        return []
    size = sum(path.lstat().st_size for path in folder.path.rglob("*") if not path.is_symlink())
    return [Leftover("data", f"{folder.path} ({size / 1024**2:.0f} MiB)")]
