"""No part of a span's way is smaller than what may come by it, or one agent's take others' with them."""

from typing import Any

import pytest
from airlock_agents.sandbox import spans as agents
from airlock_chassis.telemetry.otlp.batches import BATCH_BYTES
from airlock_chassis.telemetry.otlp.collector import MAX_REQUEST_BYTES
from airlock_chassis.telemetry.otlp.spans import size_of
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

WIDE = "\U0001f600"
"""Four bytes in UTF-8."""
HEAD_BYTES = 128
"""Of a span, beside what it is called and says."""
FIELD_BYTES = 24
"""Around an attribute, or a number."""
OURS = 8
"""Attributes that the host adds to an agent's span, of at most 300 bytes each."""
OURS_BYTES = OURS * 300


def worst_span() -> int:
    said = agents.MAX_ATTRIBUTES * (4 * agents.MAX_KEY_CHARACTERS + 4 * agents.MAX_VALUE_CHARACTERS)
    return (
        HEAD_BYTES + 4 * agents.MAX_NAME_CHARACTERS + said + agents.MAX_ATTRIBUTES * FIELD_BYTES + OURS_BYTES
    )


def worst_attempt() -> int:
    around = HEAD_BYTES + agents.MAX_ATTRIBUTES * FIELD_BYTES + OURS_BYTES
    return agents.MAX_NAMES_BYTES + agents.MAX_ATTRIBUTES_BYTES + agents.MAX_SPANS * around


def test_whatever_an_agent_says_fits_a_request() -> None:
    assert worst_span() < BATCH_BYTES
    assert worst_attempt() < MAX_REQUEST_BYTES


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {f"k{n}": WIDE * 256 for n in range(16)},
        {WIDE * 64 + str(n): "x" for n in range(16)},
        {"none": True, "large": 2**62, "negative": -1, "float": 0.1, "many": [-1] * 50, "words": ["a"] * 50},
    ],
    ids=["none", "texts", "keys", "numbers"],
)
def test_a_span_weighs_no_more_than_it_is_taken_for(attributes: dict[str, Any]) -> None:
    span = _ended(WIDE * 128, attributes)
    (of_process,) = encode_spans([span]).resource_spans
    (sent,) = of_process.scope_spans[0].spans
    assert sent.ByteSize() + 4 <= size_of(span) <= 3 * sent.ByteSize() + 256


def _ended(name: str, attributes: dict[str, Any]) -> ReadableSpan:
    above = SpanContext(2**128 - 1, 2**64 - 1, is_remote=True, trace_flags=TraceFlags(1))
    return ReadableSpan(
        name,
        context=above,
        parent=above,
        resource=Resource({}),
        attributes=attributes,
        links=[Link(above, attributes), Link(above)],
        status=Status(StatusCode.ERROR, "said"),
        start_time=2**62,
        end_time=2**62,
    )
