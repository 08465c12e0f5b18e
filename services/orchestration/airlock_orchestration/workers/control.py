"""Answers hosts: claims and heartbeats, by request and reply."""

import asyncio

import structlog
from airlock_chassis.bus import Bus, Request, Subscription
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import TRACEPARENT, Attribute, Kind, fail, span
from airlock_contracts.messages import ClaimRequest, HeartbeatRequest, MalformedMessage
from airlock_contracts.subjects import Subjects
from structlog.contextvars import bound_contextvars

from ..errors import StoreUnavailable
from ..operations.advance import Door
from ..operations.claims import claim
from ..operations.heartbeats import Heartbeats

QUEUE = "orchestration"

log = structlog.get_logger(__name__)


class ControlWorker:
    """Listens on the control subjects, in one queue with the other replicas."""

    def __init__(self, bus: Bus, subjects: Subjects, door: Door, heartbeats: Heartbeats) -> None:
        self._bus = bus
        self._subjects = subjects
        self._door = door
        self._heartbeats = heartbeats
        self._subscriptions: list[Subscription] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set, and then what has arrived."""
        await self.start()
        await stop.wait()
        await self.stop()

    async def start(self) -> None:
        """Begin to answer."""
        self._subscriptions = [
            await self._bus.respond(self._subjects.claim, self._claim, queue=QUEUE),
            await self._bus.respond(self._subjects.heartbeat, self._heartbeat, queue=QUEUE),
        ]

    async def stop(self) -> None:
        """Answer what has arrived, and no more."""
        for subscription in self._subscriptions:
            await subscription.close()

    async def _claim(self, request: Request) -> bytes | None:
        try:
            asked, _ = ClaimRequest.decode(request.payload)
        except MalformedMessage as error:
            log.warning("claim.malformed", reason=str(error))
            return None
        id_ = asked.attempt
        attributes: dict[str, Attribute] = {
            names.ATTR_RUN: id_.run,
            names.ATTR_NODE: id_.node,
            names.ATTR_ATTEMPT: id_.number,
            names.ATTR_HOST: asked.host,
        }
        parent = request.headers.get(TRACEPARENT)
        with (
            bound_contextvars(run=id_.run, node=id_.node, attempt=id_.number, host=asked.host),
            span(names.SPAN_CLAIM, parent=parent, kind=Kind.SERVER, attributes=attributes) as opened,
        ):
            try:
                reply = await claim(self._door, asked)
            except StoreUnavailable as error:
                log.warning("claim.unanswered", reason=str(error))
                fail(opened, type(error).__name__)
                return None  # no answer is not a refusal: the host asks again
            opened.set_attribute(names.ATTR_STATUS, reply.answer.value.upper())
            log.debug("claim.answered", answer=reply.answer)
        return reply.encode()

    async def _heartbeat(self, request: Request) -> bytes | None:
        try:
            beat, _ = HeartbeatRequest.decode(request.payload)
        except MalformedMessage as error:
            log.warning("heartbeat.malformed", reason=str(error))
            return None
        try:
            return (await self._heartbeats.answer(beat)).encode()
        except StoreUnavailable as error:
            log.warning("heartbeat.unanswered", host=beat.host, reason=str(error))
            return None
