"""Looks at every part of an install and says what is wrong with it and how to mend it."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

from airlock_contracts.statuses import HostStatus

from ..client import AirlockClient
from ..embedded.errors import EmbeddedError, FolderRefused
from ..errors import ClientError, ProblemError, ServerUnreachable
from .folder import AIRLOCK_VERSION, DataFolder
from .parts import run_module
from .processes import process_age
from .shipped import docker_environment

_ENGINE_SECONDS = 30.0
_LOOK_SECONDS = 40.0
_FREE_BYTES = 1024**3
_LITTLE_BYTES = 5 * 1024**3
_UNAUTHORISED = (401, 403)


class Verdict(StrEnum):
    """How a part is."""

    OK = "OK"
    WARNING = "WARNING"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part."""

    part: str
    verdict: Verdict
    what: str
    mend: str = ""
    """What to do about it."""

    def as_dict(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)


def ok(part: str, what: str) -> Finding:
    """The part is well."""
    return Finding(part, Verdict.OK, what)


def wrong(part: str, what: str, mend: str) -> Finding:
    """The part is not well."""
    return Finding(part, Verdict.WRONG, what, mend)


async def examine(folder: DataFolder, client: AirlockClient | None, lacking: str) -> list[Finding]:
    """Look at every part; `lacking` says why there is no client. One part's trouble hides no other's."""
    looks: list[Callable[[], Awaitable[list[Finding]]]] = [
        _look_at_python,
        lambda: asyncio.to_thread(_look_at_folder, folder),
        lambda: asyncio.to_thread(_look_at_disk, folder),
        lambda: asyncio.to_thread(_look_at_parts, folder),
        _look_at_engine,
        lambda: _look_at_service(client, lacking),
    ]
    found = await asyncio.gather(*(_in_time(look) for look in looks))
    return [finding for findings in found for finding in findings]


async def _in_time(look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return await look()
    except TimeoutError:
        return [wrong("doctor", f"a look took more than {_LOOK_SECONDS:g} s", "is the machine overloaded?")]


async def _look_at_python() -> list[Finding]:
    return [ok("Airlock", f"{AIRLOCK_VERSION} on Python {sys.version.split()[0]}, {sys.platform}")]


def _look_at_folder(folder: DataFolder) -> list[Finding]:
    part = "data folder"
    path = folder.path
    if not path.exists():
        return [ok(part, f"{path} is not there yet; `airlock up` makes it")]
    try:
        folder.check()
    except FolderRefused as error:
        return [wrong(part, str(error), "use a folder of its own: --data-dir")]
    if (owner := path.stat().st_uid) != os.geteuid():
        return [
            wrong(part, f"{path} belongs to user {owner}", "run as that user, or use another: --data-dir")
        ]
    keys = [key for key in (folder.admin_key, folder.host_key) if key.exists() and key.stat().st_mode & 0o077]
    if keys:
        return [wrong(part, f"others can read {keys[0]}", f"chmod 600 {keys[0]}, and make a new key")]
    return [ok(part, f"{path}, written by Airlock {folder.written_by()}")]


def _look_at_disk(folder: DataFolder) -> list[Finding]:
    place = next(parent for parent in (folder.path, *folder.path.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1024**3:.1f} GiB free at {place}"
    if free < _FREE_BYTES:
        return [wrong("disk", text, "make room: Postgres and JetStream stop when it is full")]
    if free < _LITTLE_BYTES:
        return [Finding("disk", Verdict.WARNING, text, "make room before it is full")]
    return [ok("disk", text)]


def _look_at_parts(folder: DataFolder) -> list[Finding]:
    state = folder.state()
    if state is None:
        return []
    gone = [name for name, pid in state.parts.items() if process_age(pid) is None]
    if gone:
        logs = folder.log("orchestration").parent
        mend = f"`airlock up` starts it again; if it stays away, look into {logs}"
        return [wrong(name, "its process is gone", mend) for name in gone]
    return [ok("processes", f"{len(state.parts)} run, since {state.started_at}")]


async def _look_at_engine() -> list[Finding]:
    part = "Docker Engine"
    try:
        said = await run_module(["airlock_agents", "engine"], docker_environment(), seconds=_ENGINE_SECONDS)
        images = await run_module(
            ["airlock_agents", "images", "list"], docker_environment(), seconds=_ENGINE_SECONDS
        )
    except EmbeddedError as error:
        return [wrong(part, str(error), "agents cannot run without it")]
    found = [ok(part, " ".join(said.split()).removeprefix("ok "))]
    built = {
        line.split()[0].partition(":")[0] for line in images.splitlines() if line.startswith("airlock-agent-")
    }
    if built:
        return [*found, ok("images", ", ".join(sorted(built)))]
    return [*found, Finding("images", Verdict.WARNING, "none are built", "`airlock up` builds them")]


async def _look_at_service(client: AirlockClient | None, lacking: str) -> list[Finding]:
    if client is None:
        return [wrong("REST", lacking, "`airlock up`, or --url and --key-file")]
    try:
        health = await client.health()
    except (ServerUnreachable, ClientError, ValueError) as error:
        return [wrong("REST", str(error), "`airlock status`, `airlock up`, or another --url")]
    found = [ok("REST", f"{client.url}, Airlock {health.get('version')}")]
    if health.get("version") != AIRLOCK_VERSION:
        what = f"it is {health.get('version')}, this command {AIRLOCK_VERSION}"
        found.append(Finding("versions", Verdict.WARNING, what, "use the same on both sides"))
    for name, part in (("database", "Postgres"), ("nats", "NATS")):
        if health.get(name) == "up":
            found.append(ok(part, "answers the service"))
        else:
            mend = "look at its process and at the service's log"
            found.append(wrong(part, f"the service says: {health.get(name)}", mend))
    return found + await _look_with_key(client)


async def _look_with_key(client: AirlockClient) -> list[Finding]:
    try:
        hosts = await client.hosts()
    except ProblemError as error:
        if error.problem.status in _UNAUTHORISED:
            return [
                wrong("key", str(error), "another --key-file, or make one: airlock keys create --name NAME")
            ]
        return [wrong("hosts", str(error), error.problem.hint or "look at the service's log")]
    except ClientError as error:
        return [wrong("hosts", str(error), "look at the service's log")]
    found = [ok("key", "is known")]
    up = [host for host in hosts if host.status is HostStatus.UP]
    if not up:
        found.append(wrong("hosts", f"none of {len(hosts)} is up", "airlock agent-host, or airlock up"))
    for host in up:
        text = f"{host.name}: {host.busy} of {host.slots} slots busy"
        if host.missing_images:
            lacking = ", ".join(host.missing_images)
            mend = "python -m airlock_agents images build, or load them there"
            found.append(Finding("host", Verdict.WARNING, f"{text}; it lacks {lacking}", mend))
        else:
            found.append(ok("host", text))
    return found
