"""Reports fit into one message, and say what happened."""

from typing import Any

from airlock_agents.host.claims import payload_of
from airlock_agents.host.reports import MAX_REPORT_BYTES, cancelled_report, internal_failure, report_of
from airlock_agents.sandbox.outcome import Failed, Success
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import (
    MAX_EVIDENCE_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_OUTPUT_BYTES,
    Report,
    ReportStatus,
    Usage,
)
from airlock_contracts.payload import sha256_hex


def _artifacts(count: int) -> tuple[ArtifactRef, ...]:
    return tuple(
        ArtifactRef(artifact=f"sha256:{number:064x}", size=number, media_type=f"text/{'x' * 100}")
        for number in range(count)
    )


def test_the_largest_success_with_the_worst_stderr_fits_and_keeps_its_output(make_attempt: Any) -> None:
    output = b"x" * MAX_OUTPUT_BYTES
    # Control characters take six bytes each in JSON.
    outcome = Success(output, artifacts=_artifacts(64), stderr_tail="\x01" * MAX_EVIDENCE_BYTES)
    payload = report_of(make_attempt(), outcome, host="host-1")
    report, body = Report.decode(payload)
    assert len(payload) <= MAX_REPORT_BYTES < MAX_MESSAGE_BYTES
    assert report.status is ReportStatus.SUCCESS
    assert body == output
    assert len(report.artifacts) == 64


def test_details_that_do_not_fit_give_way_and_say_so(make_attempt: Any) -> None:
    failure = Failure(
        kind=FailureKind.AGENT, code="agent.error", message="no", details={"text": "y" * MAX_MESSAGE_BYTES}
    )
    outcome = Failed(failure, raw_output=b"raw", stderr_tail="why")
    payload = report_of(make_attempt(), outcome, host="host-1")
    report, body = Report.decode(payload)
    assert len(payload) <= MAX_REPORT_BYTES
    assert report.failure is not None
    assert (report.failure.code, report.failure.message) == ("agent.error", "no")
    assert "omitted" in report.failure.details
    assert (body, report.stderr_tail) == (b"raw", "why")


def test_what_cannot_fit_at_all_is_reported_as_a_failure(make_attempt: Any) -> None:
    payload = report_of(make_attempt(), Success(b"x" * MAX_MESSAGE_BYTES), host="host-1")
    report, body = Report.decode(payload)
    assert report.status is ReportStatus.FAILED
    assert report.failure is not None
    assert body == b""


def test_a_report_carries_its_token_and_what_the_attempt_took(make_attempt: Any) -> None:
    attempt = make_attempt()
    outcome = Success(b"{}", usage=Usage(queued_ms=1.5, start_ms=2.5, run_ms=3.5))
    report, _ = Report.decode(report_of(attempt, outcome, host="host-1"))
    assert (report.token, report.host, report.attempt) == (
        attempt.token,
        "host-1",
        attempt.invocation.attempt,
    )
    assert report.usage == Usage(queued_ms=1.5, start_ms=2.5, run_ms=3.5)


def test_a_cancelled_attempt_is_reported_as_that(make_attempt: Any) -> None:
    report, body = Report.decode(cancelled_report(make_attempt(), host="host-1"))
    assert report.status is ReportStatus.CANCELLED
    assert report.failure is not None
    assert report.failure.kind is FailureKind.CANCELLED
    assert body == b""


def test_a_message_of_any_length_makes_a_failure() -> None:
    assert len(internal_failure("x" * 10_000).failure.message) == 4000


def test_the_payload_covers_the_bytes_that_lie_here_and_the_registration(
    make_attempt: Any, make_agent: Any
) -> None:
    agent = make_agent()
    attempt = make_attempt(agent, body=b'{"a":1}')
    payload = payload_of(attempt)
    assert payload.input_sha256 == sha256_hex(b'{"a":1}')
    assert payload.agent_content_sha256 == agent.content_sha256
    attempt.input = b'{"a": 1}'
    assert payload_of(attempt).sha256 != payload.sha256
