"""Gates: how many requests of a class one key, or else one address, may send within a minute.

A gate is a dependency and stands first on every route, so what is refused later (401, 422) has been counted.
A class has one bucket per key, whatever the paths. Windows move: within any 60 seconds no more than the
limit. Counted per replica, in memory.

slowapi's middleware and default limits do nothing for included routers, and its own headers are not those of
the standard; so it is used for the counting alone. Source of the headers: RFC 9110, 10.2.3 (Retry-After), and
draft-ietf-httpapi-ratelimit-headers.
"""

import logging
import math
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from slowapi import Limiter

from ..errors import RateLimited
from ..operations.principals import Principal
from ..store.tables import KeyRole
from .auth import identify
from .dependencies import Limits

Gate = Callable[..., Coroutine[Any, Any, None]]
_WINDOW = 60  # seconds


def bucket_of(request: Request) -> str:
    """Whose bucket a request counts in: a valid key's own, or else its address'."""
    found: Principal | None = request.state.principal
    if found is not None:
        return f"key:{found.key}"
    return f"address:{request.client.host if request.client else 'local'}"


def _is_host(request: Request) -> bool:
    found: Principal | None = request.state.principal
    return found is not None and found.role is KeyRole.HOST


def _is_not_host(request: Request) -> bool:
    return not _is_host(request)


class Gates:
    """The gates of one app."""

    def __init__(self, limits: Limits) -> None:
        self.limiter = Limiter(key_func=bucket_of, key_style="endpoint", strategy="moving-window")
        self.limiter.enabled = True  # whatever slowapi found in the environment
        self.limiter.logger.setLevel(logging.ERROR)  # a line per refused request would be a flood of its own
        self._host = limits.host
        self.create = self._gate("create", limits.create)
        self.trigger = self._gate("trigger", limits.trigger)
        self.read = self._gate("read", limits.read)

    @property
    def all(self) -> frozenset[Gate]:
        """Every route has exactly one of these, before anything else."""
        return frozenset({self.create, self.trigger, self.read})

    def _gate(self, name: str, limit: int) -> Gate:
        async def gate(request: Request, _: Annotated[None, Depends(identify)]) -> None:
            """The request is within its limit: slowapi has raised if it is not."""

        gate.__name__ = f"gate_{name}"  # slowapi finds limits by a function's name
        for class_, amount, exempt in ((name, limit, _is_host), ("host", self._host, _is_not_host)):
            gate = self.limiter.shared_limit(f"{amount}/minute", scope=class_, exempt_when=exempt)(gate)
        return gate


def rate_limited(limiter: Limiter, request: Request) -> RateLimited:
    """The answer to a request beyond its limit."""
    item, arguments = request.state.view_rate_limit
    wait = max(1, math.ceil(limiter.limiter.get_window_stats(item, *arguments)[0] - time.time()))
    return RateLimited(
        f"more than {item.amount} requests of class {arguments[1]} within {_WINDOW} s",
        headers={"Retry-After": str(wait)},
        limit=item.amount,
        retry_after=wait,
    )


def rate_headers(limiter: Limiter, state: Any) -> dict[str, str]:
    """The limit that a request counted against and what is left of it; nothing without a gate."""
    counted = getattr(state, "view_rate_limit", None)
    if counted is None:
        return {}
    item, arguments = counted
    reset, remaining = limiter.limiter.get_window_stats(item, *arguments)
    wait = max(0, math.ceil(reset - time.time()))
    return {
        "RateLimit-Policy": f'"{arguments[1]}";q={item.amount};w={_WINDOW}',
        "RateLimit": f'"{arguments[1]}";r={remaining};t={wait}',
    }
