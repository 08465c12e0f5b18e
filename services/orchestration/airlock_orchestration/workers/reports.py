"""Consumes REPORTS: each message is settled through the door, then acked by the ack table."""

from airlock_chassis.bus import Later, Message
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import TRACEPARENT, Kind, messaging, span
from airlock_contracts.messages import Report
from structlog.contextvars import bound_contextvars

from ..errors import StoreUnavailable
from ..operations.reports import Reports

STORE_DELAY_SECONDS = 2.0


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
            bound_contextvars(run=id_.run, node=id_.node, attempt=id_.number, host=report.host),
            span(names.SPAN_PROCESS_REPORTS, parent=parent, kind=Kind.CONSUMER, attributes=attributes),
        ):
            try:
                await self._reports.settle(report, body)
            except StoreUnavailable as error:
                raise Later(STORE_DELAY_SECONDS, str(error)) from error
