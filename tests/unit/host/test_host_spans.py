"""A step's span says what became of it, and what left it goes on."""

import asyncio
from typing import Any

import pytest
from airlock_agents.host.api import ApiAway
from airlock_agents.host.capacity import NoRoom
from airlock_agents.host.reports import internal_failure
from airlock_agents.host.spans import step, tell_outcome
from airlock_agents.sandbox.outcome import Success
from airlock_agents.sandbox.sandbox import OpenFailed
from airlock_chassis.bus import Later, ShuttingDown
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode


def told(span: ReadableSpan) -> tuple[Any, Any, bool]:
    """Status, error's type, and whether it is an error."""
    attributes = span.attributes or {}
    failed = span.status.status_code is StatusCode.ERROR
    return attributes.get("airlock.status"), attributes.get("error.type"), failed


def later(cause: Exception | None) -> Later:
    error = Later(1.0, "again")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (later(None), ("HANDED_BACK", None, False)),
        (later(NoRoom("full")), ("HANDED_BACK", None, False)),
        (ShuttingDown(), ("HANDED_BACK", None, False)),
        (later(ApiAway("no answer")), ("HANDED_BACK", "ApiAway", True)),
        (OpenFailed(internal_failure("broken")), ("FAILED", "internal", True)),
        (OSError("disk full"), (None, "OSError", True)),
        (asyncio.CancelledError(), ("CUT_SHORT", None, False)),
    ],
)
def test_what_leaves_a_step_is_told_as_what_it_is(
    recorded_spans: InMemorySpanExporter, left: BaseException, said: tuple[Any, Any, bool]
) -> None:
    with pytest.raises(type(left)) as raised, step("sandbox.wait"):
        raise left
    (span,) = recorded_spans.get_finished_spans()
    assert raised.value is left
    assert told(span) == said
    assert span.events == ()


@pytest.mark.parametrize(("left", "spans"), [(later(NoRoom("full")), 0), (ShuttingDown(), 1), (OSError(), 1)])
def test_what_is_handed_back_again_and_again_has_no_span_each_time(
    recorded_spans: InMemorySpanExporter, left: Exception, spans: int
) -> None:
    with pytest.raises(type(left)), step("sandbox.wait", told=True):
        raise left
    with step("sandbox.wait", told=True):
        pass
    assert len(recorded_spans.get_finished_spans()) == spans + 1


def test_an_outcome_is_told_by_its_status_and_its_failures_code(recorded_spans: InMemorySpanExporter) -> None:
    for outcome in (Success(b"{}"), internal_failure("a text that only the log may show")):
        with step("sandbox.run") as opened:
            tell_outcome(opened, outcome)
    good, bad = recorded_spans.get_finished_spans()
    assert told(good) == ("SUCCESS", None, False)
    assert told(bad) == ("FAILED", "internal", True)
