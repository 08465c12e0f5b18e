"""Gets reports to orchestration: on disk, into REPORTS, and again until a heartbeat's answer settles them."""

import asyncio
import time
import zlib
from collections.abc import Iterable
from contextlib import AbstractContextManager

from airlock_chassis.bus import Ack, BusError, Outgoing, Publisher
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.logs import bind, get_logger
from airlock_chassis.telemetry.traces import (
    TRACEPARENT,
    Kind,
    inject,
    messaging,
    span,
    trace_id,
    traceparent,
)
from airlock_contracts.subjects import Subjects

from .attempt import Attempt
from .holdings import Holdings, KeptReport
from .spans import attempt_ids
from .spool import Spool

log = get_logger(__name__)

SHARDS = 16
"""All reports of a run go to one shard, so that replicas could share them out by runs."""
AGAIN_SECONDS = 4.0
"""A report is not sent again sooner: it is on its way."""


class Reporter:
    """Keeps, publishes and forgets reports."""

    def __init__(
        self, publisher: Publisher, subjects: Subjects, spool: Spool, holdings: Holdings, *, host: str
    ) -> None:
        self._publisher = publisher
        self._host = host
        self._subjects = subjects
        self._spool = spool
        self._holdings = holdings

    async def restore(self) -> int:
        """Take over what the disk kept from earlier starts and publish it; answers how many there were."""
        for report, payload in await self._spool.load():
            self._holdings.keep(KeptReport(report.attempt, report.token, payload))
        restored = list(self._holdings.reports)
        if restored:
            log.info("spool.restored", reports=len(restored))
            await self.publish_again(restored)
        return len(restored)

    async def report(self, attempt: Attempt, payload: bytes) -> None:
        """Keep a report in the place of its attempt, publish it, then ack the attempt's messages.

        A stream that does not take it is no error: it is kept, and heartbeats bring it up again.
        """
        kept = KeptReport(
            attempt.invocation.attempt,
            attempt.token,
            payload,
            messages=attempt.messages,
            traceparent=attempt.traceparent,
            agent=attempt.invocation.agent,
        )
        self._holdings.keep(kept)
        attributes = {
            **messaging("send", names.REPORTS),
            **attempt_ids(kept.attempt),
            names.ATTR_HOST: self._host,
        }
        with span(names.SPAN_SEND_REPORTS, kind=Kind.PRODUCER, attributes=attributes):
            kept.traceparent = traceparent() or attempt.traceparent
            if attempt.external:
                # Nobody can repeat it: the disk has it before anybody hears of it.
                await self._keep(kept)
                await self._publish([kept])
            else:
                # Side by side: were both lost with this machine, the attempt would run again unharmed.
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._keep(kept))
                    group.create_task(self._publish([kept]))

    async def publish_again(self, attempts: Iterable[str]) -> None:
        """Publish kept reports once more, those that are not on their way already."""
        now = time.monotonic()
        await self._publish(
            [
                kept
                for attempt in attempts
                if (kept := self._holdings.reports.get(attempt)) is not None
                and (kept.published_at is None or now - kept.published_at >= AGAIN_SECONDS)
            ]
        )

    async def forget(self, attempts: Iterable[str]) -> None:
        """These are settled, or lost: nobody will ask for them again."""
        for attempt in attempts:
            if (kept := self._holdings.reports.get(attempt)) is not None:
                self._holdings.forget(attempt)
                try:
                    await self._spool.forget(attempt)
                except OSError as error:
                    with _about(kept):
                        log.error("report.not_removed", reason=str(error))

    async def _keep(self, kept: KeptReport) -> None:
        try:
            await self._spool.keep(str(kept.attempt), kept.payload)
        except OSError as error:
            # It is in memory and goes to REPORTS all the same; only this host's death could still lose it.
            log.error("report.not_on_disk", reason=str(error))
            return
        if str(kept.attempt) not in self._holdings.reports:  # settled meanwhile
            await self._spool.forget(str(kept.attempt))

    async def _publish(self, reports: list[KeptReport]) -> None:
        if not reports:
            return
        outcomes = await self._publisher.publish_all([self._outgoing(kept) for kept in reports])
        for kept, outcome in zip(reports, outcomes, strict=True):
            if not isinstance(outcome, Ack):
                with _about(kept):
                    log.warning("report.not_taken", reason=str(outcome), hint="it is kept and sent again")
                continue
            kept.published_at = time.monotonic()
            with _about(kept):
                await _ack(kept)

    def _outgoing(self, kept: KeptReport) -> Outgoing:
        shard = zlib.crc32(kept.attempt.run.encode()) % SHARDS
        headers = {TRACEPARENT: kept.traceparent} if kept.traceparent else None
        subject = self._subjects.report(shard, self._host)
        return Outgoing(subject, kept.payload, kept.msg_id, inject(headers))


def _about(kept: KeptReport) -> AbstractContextManager[None]:
    id_, trace = kept.attempt, trace_id(kept.traceparent)
    return bind(run=id_.run, node=id_.node, attempt=id_.number, agent=kept.agent, trace_id=trace)


async def _ack(kept: KeptReport) -> None:
    try:
        for message in kept.messages:
            await message.ack()
    except BusError as error:
        log.warning("message.not_settled", reason=str(error))
        return
    kept.messages = []
