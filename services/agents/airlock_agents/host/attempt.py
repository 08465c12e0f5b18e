"""One attempt on this host: the record that its pipeline's steps fill in."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum

from airlock_chassis.bus import BusError, Message
from airlock_chassis.telemetry.logs import get_logger
from airlock_contracts.manifest import AgentVersion
from airlock_contracts.messages import HeldAttempt, Invocation, Usage
from airlock_contracts.statuses import Effects, RiskLevel

log = get_logger(__name__)


class Ending(StrEnum):
    """Why an attempt is ended from outside."""

    CANCELLED = "cancelled"
    """Its run is being cancelled: stop, and report that."""
    LOST = "lost"
    """It is not ours any more: stop, and report nothing."""


def new_token() -> str:
    """What the fence knows this delivery by: 192 random bits."""
    return secrets.token_urlsafe(24)


@dataclass(slots=True, eq=False)
class Attempt:
    """What this host knows about an attempt it works on."""

    invocation: Invocation
    input: bytes
    messages: list[Message]
    """Its delivery, and later ones of the same attempt: all are settled together."""
    traceparent: str | None = None
    token: str = field(default_factory=new_token)
    arrived_at: float = field(default_factory=time.monotonic)
    told: bool = False
    """That it was handed back from here before was told lately."""
    registration: AgentVersion | None = None
    lease_until: float | None = None
    """By this host's monotonic clock; None until a claim is granted."""
    ending: Ending | None = None
    usage: Usage = field(default_factory=Usage)
    """What its sandbox took, once that has been asked or is closed."""
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """`run/node/number`."""
        return str(self.invocation.attempt)

    @property
    def claimed(self) -> bool:
        """Whether Postgres granted it to this token."""
        return self.lease_until is not None

    @property
    def agent(self) -> AgentVersion:
        """Its registration; known once the pipeline has fetched it."""
        if self.registration is None:
            raise RuntimeError("the registration was not fetched yet")
        return self.registration

    @property
    def external(self) -> bool:
        """Whether running it twice may do something twice."""
        return self.registration is not None and self.registration.manifest.effects is Effects.EXTERNAL

    @property
    def claims_first(self) -> bool:
        """Whether nothing may start before its claim is granted.

        The message can add to what the registration asks for, never take away.
        """
        manifest, action = self.agent.manifest, self.invocation.action
        gated = action in manifest.actions and manifest.risk_of(action) is RiskLevel.APPROVAL_REQUIRED
        return self.invocation.claim_first or self.external or gated

    def extend(self, sent_at: float, lease_seconds: float) -> None:
        """The claim was granted, or its lease renewed, by a request that was sent then."""
        self.lease_until = max(self.lease_until or 0.0, sent_at + lease_seconds)

    def end(self, ending: Ending) -> None:
        """Ask its pipeline to stop. The first reason counts, except that what is lost stays unsaid."""
        if self.ending is None or ending is Ending.LOST:
            self.ending = ending
        self._ended.set()

    async def ended(self) -> None:
        """Wait until somebody asked it to stop."""
        await self._ended.wait()

    async def ack(self) -> None:
        """Its messages have done their work: from a grant on the lease takes over, else the report.

        A bus that is away is no error: they come again, and are acked or refused then.
        """
        try:
            for message in self.messages:
                await message.ack()
        except BusError as error:
            log.warning("message.not_settled", reason=str(error))

    def held(self) -> HeldAttempt:
        """For a heartbeat."""
        return HeldAttempt(attempt=self.invocation.attempt, token=self.token)
