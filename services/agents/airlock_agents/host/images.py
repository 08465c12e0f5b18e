"""Which agents' images this host's engine has; what it lacks is told in heartbeats."""

import time
from collections import OrderedDict

from airlock_contracts.manifest import AgentVersion

from ..sandbox.docker import Containers

MISSING_SECONDS = 10.0
"""How long a missing image is believed to be missing."""
SHOWN_SECONDS = 600.0
"""How long it is told after it was last wanted."""
MAX_KNOWN = 256
MAX_SHOWN = 64


class Images:
    """Remembers what the engine said about images."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self._there: OrderedDict[str, None] = OrderedDict()
        self._missing: dict[str, tuple[str, float, float]] = {}
        """By image: the agent, when it was last looked for, when it was last wanted."""

    async def has(self, agent: AgentVersion) -> bool:
        """Whether the engine has an agent's image. Raises EngineFailed."""
        image, now = agent.image_digest, time.monotonic()
        if image in self._there:
            return True
        _, looked_at, _ = self._missing.get(image, ("", float("-inf"), 0.0))
        if now - looked_at < MISSING_SECONDS:
            self._missing[image] = (agent.reference, looked_at, now)
            return False
        if await self._containers.image(image) is None:
            self.note_missing(agent)
            return False
        self._missing.pop(image, None)
        self._there[image] = None
        if len(self._there) > MAX_KNOWN:
            self._there.popitem(last=False)
        return True

    def note_missing(self, agent: AgentVersion) -> None:
        """The engine said that it is not there (any more)."""
        now = time.monotonic()
        self._there.pop(agent.image_digest, None)
        self._missing[agent.image_digest] = (agent.reference, now, now)

    def missing(self) -> list[str]:
        """Agent versions (`name@version`) that were wanted lately and whose image is not here."""
        now = time.monotonic()
        self._missing = {image: one for image, one in self._missing.items() if now - one[2] < SHOWN_SECONDS}
        return sorted({agent for agent, _, _ in self._missing.values()})[:MAX_SHOWN]
