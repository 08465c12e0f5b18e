"""Gates: how many requests of a class one key, or else one address, may send within a minute.

A gate is a dependency and stands first on every route, so what is refused later (401, 422) has been counted.
A class has one bucket per key, whatever the paths. Windows move: within any 60 seconds no more than the
limit, over all replicas together, which count in Postgres. What everyone may read (health, metrics, docs) is
counted by each replica for itself, in memory: it must answer while Postgres does not.

slowapi is synchronous, its middleware and default limits do nothing for included routers, and its own headers
are not those of the standard. So it counts what is counted in memory; of the rest it has the names, and a
strategy of `limits`, on which it stands, counts. Source of the headers: RFC 9110, 10.2.3
(Retry-After), and draft-ietf-httpapi-ratelimit-headers.
"""

import ipaddress
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from limits import RateLimitItemPerMinute
from limits.util import WindowStats
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from slowapi.wrappers import Limit

from ..errors import RateLimited
from ..operations.principals import Principal
from ..store.tables import KeyRole
from .auth import identify
from .dependencies import Deps, Limits

Gate = Callable[..., Coroutine[Any, Any, None]]
_WINDOW = 60  # seconds


@dataclass(frozen=True, slots=True)
class Counted:
    """What a request counted against, and what is left of it."""

    name: str
    """Of the class."""
    amount: int
    remaining: int
    reset: float
    """When the oldest request that counts lapses, by this machine's clock."""

    def wait(self, least: int) -> int:
        """Whole seconds until there is room for one more."""
        return max(least, math.ceil(self.reset - time.time()))


def bucket_of(request: Request) -> str:
    """Whose bucket a request counts in: a valid key's own, or else its address'."""
    found: Principal | None = request.state.principal
    if found is not None:
        return f"key:{found.key}"
    return f"address:{_network(request.client.host) if request.client else 'local'}"


def _network(address: str) -> str:
    """An address as others know it: of IPv6 the /64, within which whoever has one address has them all."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:200]  # a unix socket, or a proxy's own word
    if known.version == 4:
        return address
    return str(known.ipv4_mapped or ipaddress.ip_network((int(known), 64), strict=False))


def _is_host(request: Request) -> bool:
    found: Principal | None = request.state.principal
    return found is not None and found.role is KeyRole.HOST


class Gates:
    """The gates of one app."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._alone = Limiter(key_func=bucket_of, key_style="endpoint", strategy="moving-window")
        self.create = self._gate("create", limits.create)
        self.trigger = self._gate("trigger", limits.trigger)
        self.read = self._gate("read", limits.read)
        self.open = self._gate_alone("open", limits.read)

    @property
    def all(self) -> frozenset[Gate]:
        """Every route has exactly one of these, before anything else."""
        return frozenset({self.create, self.trigger, self.read, self.open})

    def _gate(self, name: str, amount: int) -> Gate:
        of_people, of_hosts = _limit(name, amount), _limit("host", self._limits.host)

        async def gate(request: Request, deps: Deps, _: Annotated[None, Depends(identify)]) -> None:
            """Let the request through within its limit. Raises RateLimitExceeded, StoreUnavailable."""
            limit = of_hosts if _is_host(request) else of_people
            asking = (bucket_of(request), limit.scope)
            passed = await deps.rates.hit(limit.limit, *asking)
            _note(request, limit, await deps.rates.get_window_stats(limit.limit, *asking), passed=passed)

        return gate

    def _gate_alone(self, name: str, amount: int) -> Gate:
        limit, alone = _limit(name, amount), self._alone.limiter

        async def gate(request: Request, _: Annotated[None, Depends(identify)]) -> None:
            """Let the request through within its limit. Raises RateLimitExceeded."""
            asking = (bucket_of(request), limit.scope)
            passed = alone.hit(limit.limit, *asking)
            _note(request, limit, alone.get_window_stats(limit.limit, *asking), passed=passed)

        return gate


def _note(request: Request, limit: Limit, stats: WindowStats, *, passed: bool) -> None:
    """Keep what the answer says of its limit. Raises RateLimitExceeded."""
    request.state.counted = Counted(
        limit.scope, limit.limit.amount, max(0, stats.remaining), stats.reset_time
    )
    if not passed:
        raise RateLimitExceeded(limit)


def _limit(name: str, amount: int) -> Limit:
    return Limit(
        RateLimitItemPerMinute(amount),
        key_func=bucket_of,
        scope=name,
        per_method=False,
        methods=None,
        error_message=None,
        exempt_when=None,
        cost=1,
        override_defaults=False,
    )


def rate_limited(request: Request) -> RateLimited:
    """The answer to a request beyond its limit."""
    counted: Counted = request.state.counted
    wait = counted.wait(1)
    return RateLimited(
        f"more than {counted.amount} requests of class {counted.name} within {_WINDOW} s",
        headers={"Retry-After": str(wait)},
        limit=counted.amount,
        retry_after=wait,
    )


def rate_headers(state: Any) -> dict[str, str]:
    """The limit that a request counted against and what is left of it; nothing where none was counted."""
    counted: Counted | None = getattr(state, "counted", None)
    if counted is None:
        return {}
    return {
        "RateLimit-Policy": f'"{counted.name}";q={counted.amount};w={_WINDOW}',
        "RateLimit": f'"{counted.name}";r={counted.remaining};t={counted.wait(0)}',
    }
