"""Who asks, and whether they may: a bearer key or `X-API-Key`, and one access rule per route."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers

from ..errors import Forbidden, KeyInvalid, KeyRequired, StoreUnavailable
from ..operations.principals import Principal
from ..store.tables import KeyRole
from .dependencies import Deps

_MAX_KEY = 256  # characters: a key has 92


async def identify(request: Request, deps: Deps) -> None:
    """Find out who asks, for the gates, which count by it; whether they may is said later."""
    presented = presented_key(request.headers)
    request.state.presented = presented is not None
    request.state.principal = request.state.unanswered = None
    if presented is None:
        return
    try:
        request.state.principal = await deps.keys.recognise(presented)
    except StoreUnavailable as error:
        request.state.unanswered = error  # what is public answers all the same


def presented_key(headers: Headers) -> str | None:
    """The key that came with a request, valid or not."""
    text = headers.get("x-api-key")
    if text is None:
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        text = rest.strip() if scheme.lower() == "bearer" else None
    return text[:_MAX_KEY] if text else None


def public() -> None:
    """Everyone may."""


def admin(request: Request) -> Principal:
    """Keys of role admin may."""
    return _of_role(request, KeyRole.ADMIN)


def host_or_admin(request: Request) -> Principal:
    """Keys of role host may, and of role admin."""
    return _of_role(request, KeyRole.ADMIN, KeyRole.HOST)


def webhook_or_admin(request: Request) -> Principal:
    """Keys of role webhook may, and of role admin."""
    return _of_role(request, KeyRole.ADMIN, KeyRole.WEBHOOK)


RULES = frozenset({public, admin, host_or_admin, webhook_or_admin})
"""Every route has exactly one of these."""


def principal(request: Request) -> Principal:
    """Who asks, on a route whose rule has let them through."""
    found = request.state.principal
    assert isinstance(found, Principal), "the route's rule lets nobody through unknown"
    return found


Asking = Annotated[Principal, Depends(principal)]


def _of_role(request: Request, *roles: KeyRole) -> Principal:
    found: Principal | None = request.state.principal
    challenge = {"WWW-Authenticate": 'Bearer realm="airlock"'}
    if (unanswered := request.state.unanswered) is not None:
        assert isinstance(unanswered, StoreUnavailable)
        raise unanswered
    if found is None and request.state.presented:
        raise KeyInvalid("the key is unknown, revoked or misspelt", headers=challenge)
    if found is None:
        raise KeyRequired("no key came with the request", headers=challenge)
    if found.role not in roles:
        allowed = " or ".join(roles)
        raise Forbidden(f"key {found.name} has role {found.role}; this call is for role {allowed}")
    return found
