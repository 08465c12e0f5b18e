"""Around every request: its span and trace id, its metric, safe headers, and an answer if all else fails.

Pure ASGI: a middleware that takes requests apart would cancel handlers when a client goes away, in the middle
of a transaction.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from airlock_chassis.telemetry import metrics, names
from airlock_chassis.telemetry.sampling import Lane
from airlock_chassis.telemetry.traces import Kind, Span, current_ids, fail, span
from starlette.datastructures import Headers, MutableHeaders, State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .auth import presented_key
from .gates import rate_headers
from .problems import unexpected

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PROBES = frozenset({"/health", "/health/ready", "/api/health", "/api/health/ready", "/metrics"})
"""Asked every few seconds by machines: their spans would say nothing."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_BEGINS_A_RUN = re.compile(r"/api/(workflows/[^/]+/trigger|runs/[^/]+/retry|webhooks/[^/]+)")
_MAX_PATH = 256
_CALLERS_TIMES = 20
"""Who has a key and traces may ask for that much more of our attention than we pay by ourselves."""
RUNS = Lane("runs", _CALLERS_TIMES)
"""Requests that begin a run, whose trace this is then: what else is asked takes nothing from them."""
READS = Lane("reads", _CALLERS_TIMES)
OTHERS = Lane("others", _CALLERS_TIMES)
STRANGERS = Lane("strangers")
"""Requests without a key that was recognised here before: anybody can send them, with any `traceparent`."""
_SERVER_ERRORS = 500
_UNMATCHED = "unmatched"  # a metric's label: paths that lead nowhere are not told apart


class Envelope:
    """The middleware of the API."""

    def __init__(self, app: ASGIApp, *, recognises: Callable[[str], bool] = lambda _: False) -> None:
        """`recognises` says at once whether a key was valid when it was last looked at."""
        self._app = app
        self._recognises = recognises

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        status, began, answered = 0, perf_counter(), None

        async def send_within(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], perf_counter()
                self._add_headers(MutableHeaders(scope=message), state)
            await send(message)

        with _traced(scope, self._lane(scope)) as opened:
            try:
                await self._app(scope, receive, send_within)
            except Exception as error:
                if status:
                    raise  # the answer is under way: only breaking it off tells the client
                await unexpected(error, scope["path"])(scope, receive, send_within)
            finally:
                _count(scope, status, (answered or perf_counter()) - began)
                _conclude(opened, scope, status)

    def _lane(self, scope: Scope) -> Lane:
        key = presented_key(Headers(scope=scope))
        if key is None or not self._recognises(key):
            return STRANGERS
        if scope["method"] in _READS:
            return READS
        return RUNS if _BEGINS_A_RUN.fullmatch(scope["path"]) else OTHERS

    def _add_headers(self, headers: MutableHeaders, state: dict[str, Any]) -> None:
        for name, value in _SAFE.items():
            headers.setdefault(name, value)
        # What has a tag may be kept by who got it, and asked about; nothing else is kept anywhere.
        headers.setdefault("Cache-Control", "private, no-cache" if "ETag" in headers else "no-store")
        for name, value in rate_headers(State(state)).items():
            headers[name] = value
        if (ids := current_ids()) is not None:
            headers["X-Trace-Id"] = ids[0]


@contextmanager
def _traced(scope: Scope, lane: Lane) -> Iterator[Span]:
    """Run inside the caller's trace, or a new one; there is an id also where nothing is exported."""
    probed = scope["path"] in _PROBES
    parent = _made_up() if probed else Headers(scope=scope).get("traceparent")
    method = _method(scope)
    attributes = {
        names.ATTR_HTTP_METHOD: method,
        names.ATTR_URL_PATH: scope["path"][:_MAX_PATH],
        names.ATTR_URL_SCHEME: scope["scheme"],
    }
    with span(method, parent=parent, kind=Kind.SERVER, attributes=attributes, lane=lane) as opened:
        if current_ids() is not None:
            yield opened
            return
        with span(method, parent=_made_up()):
            yield opened


def _count(scope: Scope, status: int, seconds: float) -> None:
    """Count a request, and the time until its answer began: a stream that goes on is no slow answer."""
    route, method = _route(scope), _method(scope)
    metrics.http_requests_total.labels(route, method, str(status or 499)).inc()
    metrics.http_request_duration_seconds.labels(route, method).observe(seconds)


def _conclude(opened: Span, scope: Scope, status: int) -> None:
    """Say what became of a request: by then its route is known."""
    if (route := _route(scope)) != _UNMATCHED:
        opened.update_name(names.SPAN_HTTP.format(method=_method(scope), route=route))
        opened.set_attribute(names.ATTR_HTTP_ROUTE, route)
    if status:
        opened.set_attribute(names.ATTR_HTTP_STATUS, status)
    if status >= _SERVER_ERRORS:
        fail(opened, str(status))


def _made_up() -> str:
    """A trace that is not kept."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "_OTHER"


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or _UNMATCHED
