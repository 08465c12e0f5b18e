"""Queries are read as strictly as bodies: a parameter that a call has not, or that comes twice, is refused.

What nobody reads would change nothing, and whoever misspelt a filter would take the whole list for the
filtered one. Lenient are only the calls of machines whose addresses others write: probes and scrapers, which
add parameters of their own, and alerting, which takes a 422 for good and whose alert would be lost.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airlock_contracts.problems import Finding
from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from ..errors import MAX_FINDINGS, InvalidRequest, counted
from ..operations.findings import did_you_mean
from .auth import public, webhook_or_admin

LENIENT = frozenset({public, webhook_or_admin})
"""Behind these rules of access a query may hold what it likes."""
_MAX_NAME = 200  # characters of a parameter's name that an answer repeats
Queries = Mapping[Callable[..., Any], frozenset[str]]


def queries_of(app: FastAPI) -> Queries:
    """The parameters of each call, by the function that answers it."""
    return {
        context.endpoint: frozenset(_parameters(context.dependant))
        for context in iter_route_contexts(app.routes)
        if context.endpoint is not None
    }


async def strict_query(request: Request) -> None:
    """Let a query through in which each parameter is known and comes once. Raises InvalidRequest."""
    known: frozenset[str] = request.app.state.queries[request.scope["endpoint"]]
    given = Counter(name for name, _ in request.query_params.multi_items())
    wrong = [name for name, times in given.items() if name not in known or times > 1]
    if not wrong:
        return
    listed = [_finding(name, known) for name in wrong[:MAX_FINDINGS]]
    takes = f"It takes {', '.join(sorted(known))}." if known else "It takes no query."
    raise InvalidRequest(counted(listed, len(wrong)), errors=listed, hint=takes)


def _parameters(dependant: Dependant) -> Iterator[str]:
    """The names of a call's query parameters, and of those that its dependencies read."""
    yield from (parameter.alias for parameter in dependant.query_params)
    for dependency in dependant.dependencies:
        yield from _parameters(dependency)


def _finding(name: str, known: frozenset[str]) -> Finding:
    place = f"query.{name[:_MAX_NAME]}"
    if name in known:
        return Finding(place=place, code="field.repeated", message="comes more than once")
    return Finding(
        place=place, code="field.extra_forbidden", message="unknown parameter" + did_you_mean(name, known)
    )
