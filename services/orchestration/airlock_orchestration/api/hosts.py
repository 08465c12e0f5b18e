"""/api/hosts: the agent hosts that there are."""

from typing import Annotated

from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.views import HostView, Page
from fastapi import APIRouter, Query

from ..operations import hosts
from .dependencies import Deps
from .paging import MAX_LIMIT, AfterName, Limit, write_name

reads = APIRouter(prefix="/api/hosts", tags=["hosts"])

Pool = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Only of this pool.")]
HostPage = Page[HostView]


@reads.get("")
async def list_hosts(deps: Deps, cursor: AfterName, limit: Limit = MAX_LIMIT, pool: Pool = None) -> HostPage:
    """Hosts by name; one not heard of for 60 s is GONE."""
    items, last = await hosts.list_hosts(deps.sessions, pool=pool, after=cursor, limit=limit)
    return HostPage(items=items, next_cursor=None if last is None else write_name(last))
