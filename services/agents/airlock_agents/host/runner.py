"""From an invocation's message to a report that is on its way: the pipeline's outside.

Owns the messages' acks: acked once the claim is granted or refused, or the report is safe in REPORTS; handed
back otherwise. An attempt that was claimed is never handed back: it ends in a report, or its lease lapses.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack

from airlock_chassis.bus import BusError, Later, Message, Permanent, ShuttingDown
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.logs import bind, get_logger
from airlock_chassis.telemetry.metrics import sandbox_errors_total
from airlock_chassis.telemetry.traces import TRACEPARENT, Attribute, Kind, drop, messaging, trace_id
from airlock_chassis.waiting import set_within
from airlock_contracts.failures import FailureKind
from airlock_contracts.messages import MAX_INPUT_BYTES, Invocation, ReportStatus
from airlock_contracts.subjects import Subjects

from ..sandbox.outcome import Failed, Outcome, Success
from .attempt import Attempt, Ending
from .attempts import Attempts, Lacking, with_what_it_took
from .beside import run_beside
from .claims import ClaimRefused
from .handbacks import Handbacks
from .holdings import Holdings
from .reporter import Reporter
from .reports import cancelled_report, internal_failure, report_of
from .spans import REFUSED, attempt_ids, step, tell_outcome

log = get_logger(__name__)

KEEP_ALIVE_SECONDS = 10.0
"""A third of the stream's `ack_wait`."""
SLOW_SECONDS = 30.0
"""An attempt that succeeded, but took this long, is worth a line in the log."""
MOST_SURPRISES = 3
"""Deliveries after which what breaks us is reported, though nothing was claimed: a message that is buried is
sent again in time, so an agent that breaks every host would keep its run from ending."""
STDERR_LOGGED = 4096
"""Characters of an agent's stderr that reach our own log; the report has more."""


class Ended(Exception):
    """Somebody asked the attempt to stop."""


class Runner:
    """Handles invocations' messages; give `handle` to a consumer with `settles_itself`."""

    def __init__(
        self, attempts: Attempts, holdings: Holdings, reporter: Reporter, subjects: Subjects, *, host: str
    ) -> None:
        self._attempts = attempts
        self._holdings = holdings
        self._reporter = reporter
        self._subjects = subjects
        self._host = host
        self._handbacks = Handbacks()

    async def handle(self, message: Message) -> None:
        """One delivery. What it raises is settled by the ack table."""
        invocation, body = parse(message, self._subjects)
        id_ = invocation.attempt
        parent = message.headers.get(TRACEPARENT)
        with (
            bind(run=id_.run, node=id_.node, attempt=id_.number, agent=invocation.agent),
            bind(trace_id=trace_id(parent)),
        ):
            if await self._adopt(str(id_), message):
                return
            attempt = Attempt(invocation, body, [message], parent, told=self._handbacks.is_told(str(id_)))
            self._holdings.begin(attempt)
            try:
                await self._run(attempt)
            except (Later, ShuttingDown, asyncio.CancelledError) as error:
                self._tell_handed_back(attempt, error)
                for other in attempt.messages[1:]:
                    await other.nak()
                raise
            finally:
                self._holdings.end(attempt)

    def _tell_handed_back(self, attempt: Attempt, error: BaseException) -> None:
        """The first time, and then seldom: what it lacks may be lacking for days."""
        is_old = attempt.told and isinstance(error, Lacking)
        level = logging.DEBUG if is_old else logging.INFO
        reason = str(error) or "shutting down"
        log.log(level, "attempt.handed_back", claimed=attempt.claimed, reason=reason)
        if not is_old:
            self._handbacks.tell(attempt.id)

    async def _adopt(self, attempt: str, message: Message) -> bool:
        """Another delivery of what is here already is settled together with the first."""
        if (running := self._holdings.running.get(attempt)) is not None:
            log.info("attempt.delivered_again", deliveries=message.deliveries)
            running.messages.append(message)
            if running.claimed:
                await running.ack()
            return True
        if (kept := self._holdings.reports.get(attempt)) is not None:
            log.info("report.asked_again", deliveries=message.deliveries)
            kept.messages.append(message)
            kept.published_at = None
            await self._reporter.publish_again([attempt])
            return True
        return False

    async def _run(self, attempt: Attempt) -> None:
        attributes = self._attributes(attempt)
        parent, kind = attempt.traceparent, Kind.CONSUMER
        with step(names.SPAN_PROCESS_INVOCATIONS, parent=parent, kind=kind, attributes=attributes) as opened:
            log.debug("attempt.received", action=attempt.invocation.action)
            began = time.monotonic()
            try:
                async with AsyncExitStack() as held:
                    outcome = await run_beside(self._outcome(attempt, held), _ended(attempt))
                    status = _status(outcome)
                    tell_outcome(opened, outcome)
                    self._note(attempt, outcome, status, time.monotonic() - began)
                    payload = report_of(attempt, outcome, host=self._host)
                    # The next node need not wait until this one's sandbox is removed.
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._reporter.report(attempt, payload))
                        group.create_task(held.aclose())
            except ClaimRefused:
                opened.set_attribute(names.ATTR_STATUS, REFUSED)
                log.info("claim.refused")
                await attempt.ack()
            except Ended:
                opened.set_attribute(names.ATTR_STATUS, str(attempt.ending).upper())
                await self._after_ending(attempt)
            except Lacking:
                if attempt.told:
                    drop(opened)
                raise

    def _attributes(self, attempt: Attempt) -> dict[str, Attribute]:
        invocation = attempt.invocation
        return {
            **messaging("process", names.INVOCATIONS),
            **attempt_ids(invocation.attempt),
            names.ATTR_PROJECT: invocation.project,
            names.ATTR_AGENT: invocation.agent,
            names.ATTR_ACTION: invocation.action,
            names.ATTR_HOST: self._host,
        }

    async def _outcome(self, attempt: Attempt, held: AsyncExitStack) -> Outcome:
        """The pipeline's outcome. A surprise is one too after the claim, or when it comes again and again."""
        try:
            return await self._attempts.outcome(attempt, held)
        except (ClaimRefused, Later, ShuttingDown):
            raise
        except Exception as error:
            if not attempt.claimed and attempt.messages[0].deliveries < MOST_SURPRISES:
                raise
            log.exception("attempt.broke")
            if not attempt.claimed:
                await self._attempts.claim_to_report(attempt)
            broke = internal_failure(f"the host broke: {type(error).__name__}: {error}", retryable=True)
            return with_what_it_took(attempt, broke)

    async def _after_ending(self, attempt: Attempt) -> None:
        log.info("attempt.ended", ending=attempt.ending)
        if attempt.ending is Ending.CANCELLED:
            await self._reporter.report(attempt, cancelled_report(attempt, host=self._host))
        else:
            await attempt.ack()

    def _note(self, attempt: Attempt, outcome: Outcome, status: ReportStatus, seconds: float) -> None:
        failure = outcome.failure if isinstance(outcome, Failed) else None
        if failure is not None and failure.kind is FailureKind.SANDBOX:
            sandbox_errors_total.labels(failure.code).inc()
        # What went well, and as fast as most, is not worth a line of everybody's log at load.
        level = logging.DEBUG if failure is None and seconds < SLOW_SECONDS else logging.INFO
        if outcome.stderr_tail:
            log.log(level, "agent.stderr", text=outcome.stderr_tail[-STDERR_LOGGED:])
        log.log(
            level,
            "attempt.finished",
            status=status,
            code=failure.code if failure else None,
            reason=failure.message if failure else None,
            claimed=attempt.claimed,
            start_ms=outcome.usage.start_ms,
            run_ms=outcome.usage.run_ms,
            milliseconds=round(seconds * 1000, 1),
        )


def parse(message: Message, subjects: Subjects) -> tuple[Invocation, bytes]:
    """The invocation of a message. Raises MalformedMessage and Permanent."""
    invocation, body = Invocation.decode(message.payload)
    try:
        named = subjects.parse_invocation(message.subject)
    except ValueError as error:
        raise Permanent(str(error)) from error
    if f"{named.run}/{named.node}/{named.number}" != str(invocation.attempt):
        raise Permanent(f"attempt {invocation.attempt} on the subject {message.subject}")
    if len(body) > MAX_INPUT_BYTES:
        raise Permanent(f"an input of {len(body)} bytes; at most {MAX_INPUT_BYTES}")
    return invocation, body


def ids_of(message: Message, subjects: Subjects) -> dict[str, str | int]:
    """Which attempt a message is about, by its subject: also when the rest of it cannot be read."""
    try:
        named = subjects.parse_invocation(message.subject)
    except ValueError:
        return {}
    return {names.LOG_RUN: named.run, names.LOG_NODE: named.node, names.LOG_ATTEMPT: named.number}


async def keep_alive(holdings: Holdings, stop: asyncio.Event) -> None:
    """Tell the stream what is being worked on, until `stop` is set: else it would deliver it again."""
    while not stop.is_set():
        await _in_progress(list(holdings.running.values()))
        await set_within(stop, KEEP_ALIVE_SECONDS)


async def _in_progress(attempts: Iterable[Attempt]) -> None:
    try:
        for attempt in attempts:
            for message in attempt.messages:
                await message.in_progress()
    except BusError as error:
        log.warning("message.not_kept", reason=str(error))


async def _ended(attempt: Attempt) -> None:
    await attempt.ended()
    raise Ended


def _status(outcome: Outcome) -> ReportStatus:
    return ReportStatus.SUCCESS if isinstance(outcome, Success) else ReportStatus.FAILED
