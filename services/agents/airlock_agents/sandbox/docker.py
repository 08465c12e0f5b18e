"""The Docker SDK, made async: each call in one of a few threads of its own, with the SDK's deadline on it.

Creates, starts, looks at and removes sandboxes' containers. Never copies into one, never executes in one.
"""

import asyncio
import functools
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import docker
import requests
from airlock_chassis.breaker import Breaker

from .attach import Channel, open_attached
from .cgroup import CGROUP_ROOT, Counted, read_counted
from .engine import Engine, connect
from .events import told_of_kill
from .link import Refused, tls_context
from .outcome import Ended
from .ping import NoPong, ping
from .policy import LABEL_INSTALL, ContainerPolicy, Owner

_T = TypeVar("_T")
CALL_SECONDS = 30.0
"""Of one call; a start takes 0.2 s, and some seconds on a machine that is very busy."""
LATE_SECONDS = 1.0
"""For what an engine hears of an end after it has written it down; it never adds it there."""
_ANSWER_SECONDS = 5.0


class EngineFailed(Exception):
    """The engine could not be reached, or answered with an error of its own."""


class EngineAway(EngineFailed):
    """It did not answer at all."""


class ImageMissing(Exception):
    """The engine does not have that image."""


class StartRefused(Exception):
    """The engine could not make a container run: a command that is not there, an image it cannot use."""


@dataclass(frozen=True)
class Found:
    """A container that carries an install's label."""

    id: str
    name: str
    labels: Mapping[str, str]


class Containers:
    """Sandboxes' containers on one engine."""

    def __init__(
        self,
        engine: Engine,
        *,
        client: docker.APIClient,
        tls: ssl.SSLContext | None,
        threads: ThreadPoolExecutor,
        cgroups: Path,
        breaker: Breaker | None = None,
    ) -> None:
        self.engine = engine
        self.breaker = breaker or Breaker("docker")
        """Hears of every call whether the engine answered; no call asks it for leave."""
        self._client = client
        self._tls = tls
        self._threads = threads
        self._cgroups = cgroups

    @classmethod
    async def connect(
        cls, engine: Engine, *, threads: int = 8, cgroups: Path = CGROUP_ROOT, breaker: Breaker | None = None
    ) -> "Containers":
        """Open an adapter to an engine that was found; the caller closes it."""
        pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="docker")
        loop = asyncio.get_running_loop()
        # Both read files: certificates, and the SDK its configuration.
        client = await loop.run_in_executor(
            pool, functools.partial(connect, engine, timeout=CALL_SECONDS, pool_size=threads)
        )
        tls = await loop.run_in_executor(pool, tls_context, engine.address.tls)
        return cls(engine, client=client, tls=tls, threads=pool, cgroups=cgroups, breaker=breaker)

    async def create(self, policy: ContainerPolicy) -> str:
        """Create a container; answers its id. Raises ImageMissing, StartRefused, EngineFailed."""
        return await self._call(functools.partial(self._create, policy))

    async def attach(self, container: str) -> Channel:
        """Attach to its three streams. Raises EngineFailed."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                channel = await open_attached(self.engine, self._tls, container)
        except Refused as error:
            raise EngineFailed(f"attach: {error}") from error
        except OSError as error:
            self.breaker.failed(f"attach: {error}")
            raise EngineAway(f"attach: {error}") from error
        self.breaker.succeeded()
        return channel

    async def start(self, container: str) -> None:
        """Start it. Raises StartRefused, EngineFailed."""
        await self._call(functools.partial(self._client.start, container))

    async def look(self, container: str) -> Ended | None:
        """Tell how it ended; None while it runs. Raises EngineFailed, also when it is gone."""
        found: dict[str, Any] = await self._call(functools.partial(self._client.inspect_container, container))
        state = found["State"]
        if state.get("Running") or state.get("Restarting"):
            return None
        return Ended(exit_code=int(state["ExitCode"]), oom_killed=bool(state.get("OOMKilled")))

    async def killed_for_memory(self, container: str) -> bool:
        """Whether the engine tells of a kill for memory of one that has ended. Raises EngineFailed.

        The end and the kill reach it on two ways. Where the end is first (once in some hundreds), it says of
        the container that it was not killed, and tells of the kill a moment later. Waits a second for that.
        """
        found: dict[str, Any] = await self._call(functools.partial(self._client.inspect_container, container))
        # The engine's clock, which may not be ours.
        began, ended = (datetime.fromisoformat(found["State"][name]) for name in ("StartedAt", "FinishedAt"))
        late = timedelta(seconds=LATE_SECONDS)
        try:
            async with asyncio.timeout(LATE_SECONDS + _ANSWER_SECONDS):
                return await told_of_kill(self.engine, self._tls, container, since=began, until=ended + late)
        except (Refused, OSError) as error:  # TimeoutError, too
            raise EngineFailed(f"events: {error}") from error

    async def kill(self, container: str) -> None:
        """Kill it; that it had ended already is no error. Raises EngineFailed."""
        await self._call(functools.partial(self._kill, container))

    async def remove(self, container: str) -> None:
        """Kill and remove it, by id or name, with its anonymous volumes; that it is gone is no error."""
        await self._call(functools.partial(self._remove, container))

    async def remove_named(self, owner: Owner) -> None:
        """Remove the container that an unknown create may have left; never another owner's."""
        await self._call(functools.partial(self._remove_named, owner))

    async def of_install(self, install: str) -> list[Found]:
        """List an install's containers, of any state. Raises EngineFailed."""
        filters = {"label": f"{LABEL_INSTALL}={install}"}
        try:
            listed = await self._call(functools.partial(self._client.containers, all=True, filters=filters))
        except StartRefused as error:
            # The engine's 404 for one that is removed while it lists: the next look finds the rest.
            raise EngineFailed(str(error)) from error
        return [
            Found(
                id=item["Id"],
                name=(item.get("Names") or [""])[0].lstrip("/"),
                labels=item.get("Labels") or {},
            )
            for item in listed
        ]

    async def image(self, image: str) -> dict[str, Any] | None:
        """Inspect an image; None when the engine does not have it. Raises EngineFailed."""
        try:
            found: dict[str, Any] = await self._call(functools.partial(self._client.inspect_image, image))
        except (ImageMissing, StartRefused):
            # The second: what cannot even be an image's name.
            return None
        return found

    async def ping(self) -> bool:
        """Ask the engine whether it is there, and tell the breaker; takes two seconds at most."""
        try:
            await ping(self.engine, self._tls)
        except NoPong as error:
            self.breaker.failed(f"ping: {error}")
            return False
        self.breaker.succeeded()
        return True

    def counted(self, container: str) -> Counted | None:
        """What the kernel counted about a living container, where this machine shows it. Asks no engine."""
        return read_counted(container, self._cgroups)

    async def close(self) -> None:
        """Let go of the threads and connections; containers stay."""
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        self._client.close()

    async def _call(self, call: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._threads, functools.partial(_translated, call))
        except EngineAway as error:
            self.breaker.failed(str(error))
            raise
        except (EngineFailed, ImageMissing, StartRefused):
            self.breaker.succeeded()  # an answer, if not the one that was hoped for
            raise
        self.breaker.succeeded()
        return answer

    def _create(self, policy: ContainerPolicy) -> str:
        name = policy.owner.container_name
        try:
            made = self._client.create_container_from_config(policy.to_api(), name)  # type: ignore[no-untyped-call]
        except requests.exceptions.Timeout:
            # It may exist by now: its name is known, so it can be asked.
            return self._ours(name, policy)
        except docker.errors.APIError as error:
            if error.status_code == requests.codes.conflict:
                return self._ours(name, policy)
            raise
        return str(made["Id"])

    def _ours(self, name: str, policy: ContainerPolicy) -> str:
        found = self._client.inspect_container(name)
        if not _belongs(found, policy.owner) or found["State"]["Status"] != "created":
            raise StartRefused(f"the name {name} is taken by another container")
        return str(found["Id"])

    def _remove_named(self, owner: Owner) -> None:
        try:
            found = self._client.inspect_container(owner.container_name)
        except docker.errors.NotFound:
            return
        if _belongs(found, owner):
            self._remove(str(found["Id"]))

    def _kill(self, container: str) -> None:
        try:
            self._client.kill(container)
        except docker.errors.APIError as error:
            if error.status_code not in (requests.codes.not_found, requests.codes.conflict):
                raise

    def _remove(self, container: str) -> None:
        try:
            self._client.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            # Somebody else is removing it at this moment: that is what we want.
            if error.status_code != requests.codes.conflict:
                raise


def _belongs(found: Mapping[str, Any], owner: Owner) -> bool:
    labels = found["Config"].get("Labels") or {}
    return {key: labels.get(key) for key in owner.labels} == owner.labels


def _translated(call: Callable[[], _T]) -> _T:
    try:
        return call()
    except docker.errors.ImageNotFound as error:
        raise ImageMissing(_said(error)) from error
    except docker.errors.NotFound as error:
        # The engine answers 404 also for a command that is not in the image.
        raise StartRefused(_said(error)) from error
    except docker.errors.APIError as error:
        if error.is_client_error():
            raise StartRefused(_said(error)) from error
        raise EngineFailed(_said(error)) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise EngineAway(f"{type(error).__name__}: {error}") from error


def _said(error: docker.errors.APIError) -> str:
    return " ".join(str(error.explanation or error).split())[:500]
