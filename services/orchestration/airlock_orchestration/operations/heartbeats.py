"""A host lives: note it, renew the leases of what it holds, tell it what became of the rest."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from airlock_contracts.messages import AttemptId, HeartbeatReply, HeartbeatRequest, Holding

from ..engine.retry import LEASE


class HostStore(Protocol):
    """What a heartbeat asks of Postgres. Every method raises StoreUnavailable."""

    async def note_host(self, beat: HeartbeatRequest) -> None: ...
    async def gone_hosts(self) -> Sequence[str]: ...
    async def extend_leases(
        self, host: str, held: Sequence[tuple[AttemptId, str]]
    ) -> Mapping[str, Holding]: ...


class Heartbeats:
    """Answers heartbeats."""

    def __init__(self, store: HostStore) -> None:
        self._store = store

    async def answer(self, beat: HeartbeatRequest) -> HeartbeatReply:
        """Renew and answer. The lease counts from now by Postgres' clock. Raises StoreUnavailable."""
        await self._store.note_host(beat)
        holdings: Mapping[str, Holding] = {}
        if beat.held:
            held = [(one.attempt, one.token) for one in beat.held]
            holdings = await self._store.extend_leases(beat.host, held)
        return HeartbeatReply(
            lease_seconds=LEASE.total_seconds(),
            holdings=dict(holdings),
            gone_hosts=list(await self._store.gone_hosts()),
        )
