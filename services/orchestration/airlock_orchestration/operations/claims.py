"""A host asks for an attempt; Postgres grants it to one token."""

from airlock_contracts.messages import ClaimAnswer, ClaimReply, ClaimRequest
from airlock_contracts.statuses import AttemptStatus

from ..engine.retry import LEASE
from ..engine.signals import AttemptClaimed
from ..engine.turn import payload_of
from .advance import Door

REFUSED = ClaimReply(answer=ClaimAnswer.REFUSED)


async def claim(door: Door, request: ClaimRequest) -> ClaimReply:
    """Grant the attempt to the token, or refuse. The same token asking again is granted again.

    A grant carries the hash that the host must find before it starts. Raises StoreUnavailable: no
    answer is not a refusal, the host asks again.
    """
    attempt = request.attempt
    advanced = await door.advance(
        AttemptClaimed(attempt.run, attempt.node, attempt.number, request.token, request.host)
    )
    if advanced.run is None or (node := advanced.run.nodes.get(attempt.node)) is None:
        return REFUSED
    current = node.attempt
    if (
        current is None
        or current.number != attempt.number
        or current.token != request.token
        or current.status is not AttemptStatus.RUNNING
    ):
        return REFUSED
    assert node.input_sha256 is not None
    assert node.preview_sha256 is not None
    payload = payload_of(
        advanced.run, advanced.run.plan.nodes[attempt.node], node.input_sha256, node.preview_sha256
    )
    return ClaimReply(
        answer=ClaimAnswer.GRANTED, payload_sha256=payload.sha256, lease_seconds=LEASE.total_seconds()
    )
