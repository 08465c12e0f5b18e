"""Who tries an agent hears of its spans, and of what a host would drop of them."""

from pathlib import Path
from typing import Any

from airlock_agents.author.exchange import FolderExchange
from airlock_agents.sandbox.spans import SpanReader

SPAN = {"name": "parse", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:01.500000Z"}


async def heard(*frames: dict[str, Any]) -> list[Any]:
    """What an author hears of frames of one attempt: spans by name, and notes."""
    events: list[Any] = []
    exchange, reader = FolderExchange(Path("unused"), events.append), SpanReader()
    for frame in frames:
        await exchange.span(reader.read(frame))
    return [event["name"] if event["event"] == "span" else event["text"] for event in events]


async def test_a_span_that_is_whole_is_shown_without_a_word_more() -> None:
    assert await heard({**SPAN, "id": "a" * 16, "attributes": {"files": 3}}) == ["parse"]


async def test_spans_that_are_dropped_are_told_with_the_bounds() -> None:
    why = "unreadable, beyond 256, or with names beyond 32768 bytes together"
    notes = await heard({"name": None}, {"dropped": 44})
    assert notes == [f"a span was dropped: {why}", f"44 spans were dropped: {why}"]


async def test_attributes_that_are_left_out_are_told_of_their_span() -> None:
    large = {f"a{number}": "x" * 256 for number in range(16)}
    frames = [{**SPAN, "id": f"{number + 1:016x}", "attributes": large} for number in range(24)]
    *spans, note = await heard(*frames)
    assert spans == ["parse"] * 24
    assert note.startswith("attributes left out of the span parse: ")
    assert note.endswith("those of an attempt have 98304 bytes together")
