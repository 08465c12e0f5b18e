"""Looks at every part of an install and says what is wrong with it and how to mend it.

Docker is asked through `python -m airlock_agents`, Postgres and NATS through
`python -m airlock_orchestration`: this room touches neither. What it cannot look at it names.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping

from airlock_contracts.views import HostView

from ..client import AirlockClient
from ..embedded.errors import EmbeddedError
from .doctor_engine import engine_findings
from .doctor_folder import look_at_disk, look_at_folder, look_at_processes, look_at_secrets
from .doctor_service import look_at_service
from .doctor_store import store_findings
from .findings import Finding, ok, remote, unknown, wrong
from .folder import AIRLOCK_VERSION, DataFolder
from .parts import run_module
from .shipped import docker_environment

_ENGINE_SECONDS = 60.0
"""Two containers are started there, and a busy engine takes its time."""
_STORE_SECONDS = 30.0
_LOOK_SECONDS = 90.0
_STORE_PREFIXES = ("AIRLOCK_DATABASE_URL", "AIRLOCK_NATS_", "AIRLOCK_SUBJECT_PREFIX")


async def examine(
    folder: DataFolder, client: AirlockClient | None, lacking: str, *, elsewhere: bool = False
) -> list[Finding]:
    """Look at every part; `lacking` says why there is no client. One part's trouble hides no other's.

    `elsewhere`: the install is another machine's, so this one's folder, engine and disk say nothing about it.
    """
    looks: list[Callable[[], Awaitable[list[Finding]]]] = [_look_at_python]
    if not elsewhere:
        looks += [
            lambda: asyncio.to_thread(look_at_folder, folder),
            lambda: asyncio.to_thread(look_at_secrets, folder),
            lambda: asyncio.to_thread(look_at_disk, folder),
            lambda: asyncio.to_thread(look_at_processes, folder),
            lambda: _look_at_engine(folder),
        ]
    looks.append(lambda: _look_at_service_and_store(folder, client, lacking, elsewhere=elsewhere))
    found = await asyncio.gather(*(_in_time(look) for look in looks))
    if elsewhere:
        mend = "run airlock doctor there"
        found.append([remote("Docker Engine, disk, data folder", "they are on another machine", mend)])
    return [finding for findings in found for finding in findings]


async def _in_time(look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return await look()
    except TimeoutError:
        return [wrong("doctor", f"a look took more than {_LOOK_SECONDS:g} s", "is the machine overloaded?")]
    except OSError as error:
        return [
            wrong("doctor", f"a look failed: {error}", "is something that this user may not read in the way?")
        ]


async def _look_at_python() -> list[Finding]:
    return [ok("Airlock", f"{AIRLOCK_VERSION} on Python {sys.version.split()[0]}, {sys.platform}")]


async def _look_at_engine(folder: DataFolder) -> list[Finding]:
    install = await asyncio.to_thread(folder.install_id)
    module = ["airlock_agents", "diagnose", *(("--install", install) if install else ())]
    try:
        facts = json.loads(await run_module(module, docker_environment(), seconds=_ENGINE_SECONDS))
    except (EmbeddedError, ValueError) as error:
        return [wrong("Docker Engine", str(error), "agents cannot run without it")]
    return engine_findings(facts, running=folder.state() is not None)


async def _look_at_service_and_store(
    folder: DataFolder, client: AirlockClient | None, lacking: str, *, elsewhere: bool
) -> list[Finding]:
    hosts: list[HostView] = []
    if client is None:
        found = [wrong("REST", lacking, "`airlock up`, or --url and --key-file")]
    else:
        found, hosts = await look_at_service(client)
    return found + await _look_at_store(folder, sorted({host.pool for host in hosts}), elsewhere=elsewhere)


async def _look_at_store(folder: DataFolder, pools: list[str], *, elsewhere: bool) -> list[Finding]:
    environment = await asyncio.to_thread(store_environment, folder, os.environ, elsewhere=elsewhere)
    if environment is None:
        why = "no install runs on the data folder, and AIRLOCK_DATABASE_URL is not given"
        return [
            unknown(
                "Postgres, NATS, streams",
                why,
                "airlock up; or give AIRLOCK_DATABASE_URL and AIRLOCK_NATS_URL",
            )
        ]
    module = ["airlock_orchestration", "diagnose", *(f"--pool={pool}" for pool in pools)]
    try:
        return store_findings(json.loads(await run_module(module, environment, seconds=_STORE_SECONDS)))
    except (EmbeddedError, ValueError) as error:
        return [
            wrong(
                "Postgres, NATS", str(error), "look at its settings: AIRLOCK_DATABASE_URL, AIRLOCK_NATS_URL"
            )
        ]


def store_environment(
    folder: DataFolder, variables: Mapping[str, str], *, elsewhere: bool = False
) -> dict[str, str] | None:
    """How to reach Postgres and NATS: of the install that runs on the folder, else as variables say."""
    given = {name: value for name, value in variables.items() if name.startswith(_STORE_PREFIXES)}
    if any(name.startswith("AIRLOCK_DATABASE_URL") for name in given):
        return given
    if elsewhere or folder.state() is None:
        return None
    secrets = folder.path / "secrets"
    try:
        port = int((folder.path / "nats" / "port").read_text())
    except (OSError, ValueError):
        return None
    return {
        "AIRLOCK_DATABASE_URL_FILE": str(secrets / "database-url"),
        "AIRLOCK_NATS_URL": f"nats://127.0.0.1:{port}",
        "AIRLOCK_NATS_USER": "orchestration",
        "AIRLOCK_NATS_PASSWORD_FILE": str(secrets / "nats-orchestration"),
    }
