"""Agent versions as registered: fetched once, checked against their own hash, remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from airlock_contracts.manifest import AgentVersion, agent_content_sha256

MAX_REMEMBERED = 256

Fetch = Callable[[str], Awaitable[AgentVersion]]


class RegistrationBroken(Exception):
    """What REST gave is not what its hash says, or another version: nothing of it may run."""


class Registrations:
    """A cache over `fetch`: versions are immutable. One question at a time for the same version."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: OrderedDict[str, AgentVersion] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(self, version_id: str) -> AgentVersion:
        """The registration of an agent version. Raises RegistrationBroken and what `fetch` raises."""
        if (known := self._known.get(version_id)) is not None:
            self._known.move_to_end(version_id)
            return known
        lock = self._asking.setdefault(version_id, asyncio.Lock())
        async with lock:
            try:
                if version_id not in self._known:
                    self._remember(version_id, checked(version_id, await self._fetch(version_id)))
                return self._known[version_id]
            finally:
                self._asking.pop(version_id, None)

    def _remember(self, version_id: str, version: AgentVersion) -> None:
        self._known[version_id] = version
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)


def checked(version_id: str, version: AgentVersion) -> AgentVersion:
    """The version, if it is that one and its content has its hash. Raises RegistrationBroken. Pure."""
    if version.id != version_id:
        raise RegistrationBroken(f"asked for agent version {version_id}, got {version.id}")
    found = agent_content_sha256(version.manifest, version.image_digest)
    if found != version.content_sha256:
        raise RegistrationBroken(
            f"{version.reference}: its content has the hash {found}, not {version.content_sha256}"
        )
    return version
