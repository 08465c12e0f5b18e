"""Consumes REPORTS: each message is settled through the door, then acked by the ack table."""

from collections.abc import Mapping

from airlock_chassis.bus import Later, Message
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import TRACEPARENT, Kind, messaging, span
from airlock_contracts.messages import AttemptId, Report
from pydantic import BaseModel, Field, ValidationError
from structlog.contextvars import bound_contextvars

from ..errors import StoreUnavailable
from ..operations.reports import Reports

STORE_DELAY_SECONDS = 2.0


class _Named(BaseModel):
    """What a report's header says that it is about, whatever else stands in it."""

    attempt: AttemptId
    host: str = Field(max_length=256)


def ids_of(message: Message) -> Mapping[str, str | int]:
    """Which attempt a report is about, and whose it is: also when the rest of it cannot be read."""
    try:
        named = _Named.model_validate_json(message.payload.partition(b"\n")[0])
    except ValidationError:
        return {}
    return {**_ids(named.attempt), names.LOG_HOST: named.host}


class ReportsWorker:
    """Handles one report at a time per message; the door makes batches of them."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def handle(self, message: Message) -> None:
        """Settle one report. Raises MalformedMessage (to the dead letters) and Later."""
        report, body = Report.decode(message.payload)
        id_ = report.attempt
        attributes = {
            names.ATTR_RUN: id_.run,
            names.ATTR_NODE: id_.node,
            names.ATTR_ATTEMPT: id_.number,
            names.ATTR_HOST: report.host,
            **messaging("process", names.REPORTS),
        }
        parent = message.headers.get(TRACEPARENT)
        with (
            bound_contextvars(**_ids(id_), **{names.LOG_HOST: report.host}),
            span(names.SPAN_PROCESS_REPORTS, parent=parent, kind=Kind.CONSUMER, attributes=attributes),
        ):
            try:
                await self._reports.settle(report, body)
            except StoreUnavailable as error:
                raise Later(STORE_DELAY_SECONDS, str(error)) from error


def _ids(attempt: AttemptId) -> dict[str, str | int]:
    return {names.LOG_RUN: attempt.run, names.LOG_NODE: attempt.node, names.LOG_ATTEMPT: attempt.number}
