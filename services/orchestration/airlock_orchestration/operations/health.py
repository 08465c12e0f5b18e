"""Health: whether this process can do its work, and what keeps it from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from airlock_contracts.views import HealthView

from ..store.sessions import Sessions

SERVICE = "orchestration"
VERSION = version("airlock")


@dataclass(frozen=True, slots=True)
class Health:
    """Looks at what this process stands on."""

    sessions: Sessions
    nats_alive: Callable[[], bool]
    accepting: Callable[[], bool]
    """False before the start is done and from SIGTERM on."""
    details: Callable[[], dict[str, Any]] = dict
    """Figures for `/health/detailed`."""

    async def look(self) -> HealthView:
        """What answers right now. `status` is `ok`, `degraded` or `draining`."""
        database, nats = await self.sessions.is_alive(), self.nats_alive()
        status = "ok" if database and nats else "degraded"
        return HealthView(
            status=status if self.accepting() else "draining",
            service=SERVICE,
            version=VERSION,
            database="up" if database else "down",
            nats="up" if nats else "down",
            timestamp=datetime.now(UTC),
        )

    async def is_ready(self) -> bool:
        """Whether requests should be sent here. NATS may be away: what is due is sent when it is back."""
        return self.accepting() and await self.sessions.is_alive()
