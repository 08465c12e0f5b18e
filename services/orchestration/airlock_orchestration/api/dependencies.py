"""What the API stands on, put together by the app and read by every route."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from limits.aio.strategies import RateLimiter

from ..operations.agents import ImageResolver
from ..operations.approvals import Approvals
from ..operations.artifacts import Artifacts
from ..operations.bells import Bells
from ..operations.health import Health
from ..operations.keys import KeyRing
from ..operations.runs import Runs
from ..pictures.boxes import Pictures
from ..store.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests within a minute, per key or else per client address."""

    create: int = 100
    trigger: int = 500
    read: int = 1000
    host: int = 60_000
    """Of a host's key, for all that hosts do."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Everything that routes call."""

    sessions: Sessions
    keys: KeyRing
    runs: Runs
    approvals: Approvals
    artifacts: Artifacts
    health: Health
    resolve_image: ImageResolver
    bells: Bells
    rates: RateLimiter
    """Counts requests for all replicas together."""
    render_metrics: Callable[[], bytes]
    metrics_type: str
    pictures: Pictures = field(default_factory=Pictures)
    limits: Limits = Limits()
    max_streams: int = 500
    """Event streams that are open at once."""


def dependencies(request: Request) -> Dependencies:
    """What this app was built with."""
    found = request.app.state.airlock
    assert isinstance(found, Dependencies)
    return found


Deps = Annotated[Dependencies, Depends(dependencies)]
