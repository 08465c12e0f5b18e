"""/api/hosts: the agent hosts that there are."""

from airlock_contracts.views import HostView, Page
from fastapi import APIRouter

from ..operations import hosts
from .dependencies import Deps

reads = APIRouter(prefix="/api/hosts", tags=["hosts"])


@reads.get("")
async def list_hosts(deps: Deps) -> Page[HostView]:
    """All hosts by name; one not heard of for 60 s is GONE."""
    return Page[HostView](items=await hosts.list_hosts(deps.sessions))
