"""Makes the report of an attempt from how its sandbox ended: pure, and small enough for one message."""

from airlock_contracts import failures
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import MAX_MESSAGE_BYTES, Report, ReportStatus, Usage

from ..sandbox.outcome import Failed, Outcome, Success
from .attempt import Attempt

_HEADERS_BYTES = 4096
"""What NATS headers (message id, trace) may take of a message beside its payload."""
MAX_REPORT_BYTES = MAX_MESSAGE_BYTES - _HEADERS_BYTES


def report_of(attempt: Attempt, outcome: Outcome, *, host: str) -> bytes:
    """The report's payload for an outcome."""
    usage = outcome.usage
    match outcome:
        case Success():
            report = _report(attempt, host, ReportStatus.SUCCESS, usage=usage)
            body = outcome.output
        case Failed():
            report = _report(attempt, host, ReportStatus.FAILED, failure=outcome.failure, usage=usage)
            body = outcome.raw_output
    report = report.model_copy(
        update={"artifacts": list(outcome.artifacts), "stderr_tail": outcome.stderr_tail}
    )
    return encode_within_limit(report, body)


def cancelled_report(attempt: Attempt, *, host: str) -> bytes:
    """The report's payload for an attempt that was ended because its run is being cancelled."""
    failure = Failure(kind=FailureKind.CANCELLED, code=failures.CANCELLED, message="the run was cancelled")
    report = _report(attempt, host, ReportStatus.CANCELLED, failure=failure, usage=attempt.usage)
    return encode_within_limit(report, b"")


def internal_failure(message: str, *, retryable: bool = False) -> Failed:
    """An end for which neither the agent nor its author is to blame."""
    return Failed(
        Failure(
            kind=FailureKind.INTERNAL, code=failures.INTERNAL, message=message[:4000], retryable=retryable
        )
    )


def unknown_artifact(message: str) -> Failed:
    """The input names an artifact that is not there."""
    return Failed(
        Failure(kind=FailureKind.CONTRACT, code=failures.INPUT_UNKNOWN_ARTIFACT, message=message[:4000])
    )


def encode_within_limit(report: Report, body: bytes) -> bytes:
    """Encode; what only people read gives way until it fits into one message, the output never does."""
    payload = report.encode(body)
    if len(payload) <= MAX_REPORT_BYTES:
        return payload
    report = report.model_copy(update={"stderr_tail": report.stderr_tail[-1024:]})
    if report.failure is not None:
        note = {"omitted": "the details did not fit into the report"}
        report = report.model_copy(update={"failure": report.failure.model_copy(update={"details": note})})
    payload = report.encode(body)
    if len(payload) <= MAX_REPORT_BYTES:
        return payload
    failure = internal_failure(f"the report of {len(payload)} bytes does not fit into one message").failure
    return report.model_copy(
        update={"status": ReportStatus.FAILED, "failure": failure, "artifacts": [], "stderr_tail": ""}
    ).encode(b"")


def _report(
    attempt: Attempt,
    host: str,
    status: ReportStatus,
    *,
    failure: Failure | None = None,
    usage: Usage | None = None,
) -> Report:
    return Report(
        attempt=attempt.invocation.attempt,
        host=host,
        token=attempt.token,
        status=status,
        failure=failure,
        usage=usage or Usage(),
    )
