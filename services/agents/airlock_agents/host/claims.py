"""Asks orchestration whether this token may have an attempt. No answer is not a refusal: it asks again."""

import asyncio
import time

from airlock_chassis.bus import Bus, NoAnswer
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.logs import get_logger
from airlock_chassis.telemetry.traces import Kind, inject
from airlock_contracts.messages import ClaimAnswer, ClaimReply, ClaimRequest, MalformedMessage
from airlock_contracts.payload import Payload, sha256_hex
from airlock_contracts.subjects import Subjects

from .attempt import Attempt
from .spans import step

log = get_logger(__name__)

ANSWER_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 2.0


class ClaimRefused(Exception):
    """It is somebody else's, or over: drop it."""


class PayloadMismatch(Exception):
    """What was granted is not what lies here: it must not run."""


class Claims:
    """Claims attempts for one host."""

    def __init__(self, bus: Bus, subjects: Subjects, *, host: str) -> None:
        self._bus = bus
        self._subjects = subjects
        self._host = host

    async def claim(self, attempt: Attempt, *, patience_seconds: float) -> None:
        """Ask until there is an answer. After a grant the attempt has its lease and its messages are acked.

        Raises ClaimRefused, NoAnswer after so many seconds, and PayloadMismatch for a grant of something
        else than lies here.
        """
        request = ClaimRequest(attempt=attempt.invocation.attempt, host=self._host, token=attempt.token)
        until = time.monotonic() + patience_seconds
        pause = FIRST_PAUSE_SECONDS
        with step(names.SPAN_CLAIM, kind=Kind.CLIENT) as opened:
            while True:
                sent_at = time.monotonic()
                try:
                    reply = await self._ask(request)
                    break
                except (NoAnswer, MalformedMessage) as error:
                    log.debug("claim.unanswered", reason=str(error))
                    if time.monotonic() + pause >= until:
                        raise NoAnswer(f"no answer to the claim for {patience_seconds:g} s") from error
                await asyncio.sleep(pause)
                pause = min(MAX_PAUSE_SECONDS, 2 * pause)
            opened.set_attribute(names.ATTR_STATUS, reply.answer.value.upper())
        if reply.answer is not ClaimAnswer.GRANTED:
            raise ClaimRefused(attempt.id)
        attempt.extend(sent_at, reply.lease_seconds)
        await attempt.ack()
        found = payload_of(attempt).sha256
        if reply.payload_sha256 != found:
            raise PayloadMismatch(f"granted is payload {reply.payload_sha256}, this is {found}")

    async def _ask(self, request: ClaimRequest) -> ClaimReply:
        payload = await self._bus.request(
            self._subjects.claim, request.encode(), timeout=ANSWER_SECONDS, headers=inject()
        )
        return ClaimReply.decode(payload)[0]


def payload_of(attempt: Attempt) -> Payload:
    """What lies here, as the hash that an approval binds sees it. Pure."""
    invocation = attempt.invocation
    return Payload(
        project=invocation.project,
        run=invocation.attempt.run,
        node=invocation.attempt.node,
        agent_content_sha256=attempt.agent.content_sha256 if attempt.registration else "",
        action=invocation.action,
        input_sha256=sha256_hex(attempt.input),
        preview_sha256=invocation.preview_sha256,
    )
