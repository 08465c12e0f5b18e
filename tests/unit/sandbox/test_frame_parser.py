"""The parser of airlock/1: the same bytes give the same frames however they arrive, and lies are found."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from airlock_agents.sandbox.frames import (
    MAX_HEADER_BYTES,
    BrokenFrame,
    FrameParser,
    Header,
    Piece,
    encode_header,
)
from hypothesis import given
from hypothesis import strategies as st

Event = tuple[str, Any]


def parse(chunks: Iterable[bytes]) -> list[Event]:
    """Everything in a stream: headers, whole bodies, and how it broke, if it did."""
    parser = FrameParser()
    events: list[Event] = []
    body = b""
    try:
        for chunk in chunks:
            parser.feed(chunk)
            while (found := parser.next()) is not None:
                if isinstance(found, Header):
                    events.append((found.type, dict(found.fields)))
                elif isinstance(found, Piece):
                    body += found.data
                    if found.last:
                        events.append(("body", body))
                        body = b""
    except BrokenFrame as error:
        events.append(("broken", str(error)))
    else:
        events.append(("open" if parser.inside_frame else "end", body))
    return events


def cut(stream: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(stream[at : at + size])
        at += size
    return [*chunks, stream[at:]]


bodies = st.binary(max_size=300)
good_frames = st.one_of(
    st.builds(lambda text: encode_header({"type": "log", "message": text}), st.text(max_size=50)),
    st.builds(
        lambda body: encode_header({"type": "artifact", "name": "a", "size": len(body)}) + body, bodies
    ),
    st.builds(lambda body: encode_header({"type": "result", "size": len(body)}) + body, bodies),
)


@given(frames=st.lists(good_frames, max_size=6), sizes=st.lists(st.integers(0, 40), max_size=60))
def test_any_chunking_gives_the_same_frames(frames: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(frames)
    whole = parse([stream])
    assert whole[-1][0] == "end"
    assert parse(cut(stream, sizes)) == whole


@given(stream=st.binary(max_size=400), sizes=st.lists(st.integers(0, 30), max_size=40))
def test_rubbish_breaks_the_same_way_however_it_arrives(stream: bytes, sizes: list[int]) -> None:
    assert parse(cut(stream, sizes)) == parse([stream])


@given(
    frames=st.lists(good_frames, min_size=1, max_size=4),
    at=st.integers(0, 2000),
    replacement=st.binary(min_size=1, max_size=4),
)
def test_a_damaged_stream_never_raises_anything_else(
    frames: list[bytes], at: int, replacement: bytes
) -> None:
    stream = bytearray(b"".join(frames))
    at %= len(stream)
    stream[at : at + len(replacement)] = replacement
    assert parse([bytes(stream)])[-1][0] in ("broken", "open", "end")


def test_what_stands_before_a_broken_frame_still_counts() -> None:
    stream = encode_header({"type": "result", "size": 2}) + b"{}" + b"rubbish\n"
    events = parse([stream])
    assert [kind for kind, _ in events] == ["result", "body", "broken"]
    assert events[1] == ("body", b"{}")


@pytest.mark.parametrize(
    ("escaped", "read"),
    [
        (b"a\\u0000b", "a\ufffdb"),
        (b"\\ud800", "\ufffd"),
        (b"\\udc80x", "\ufffdx"),
        (b"\\ud83d\\ude00", "\U0001f600"),
        (b"\\ud83d\\ud83d\\ude00", "\ufffd\U0001f600"),
        (b"\\\\u0000", "\\u0000"),
        (b"\\u0041\\n", "A\n"),
    ],
)
def test_a_log_may_quote_what_json_should_not_hold(escaped: bytes, read: str) -> None:
    assert parse([b'{"type":"log","message":"' + escaped + b'"}\n'])[0] == (
        "log",
        {"type": "log", "message": read},
    )


@given(text=st.text(st.characters(), max_size=40))
def test_any_text_of_an_agents_writer_gets_through(text: str) -> None:
    line = json.dumps({"type": "log", "message": text}).encode() + b"\n"
    kind, fields = parse([line])[0]
    assert kind == "log"
    # JSON spells a character beyond U+FFFF as a pair of surrogates; one alone is no character.
    read = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert fields["message"] == read.replace("\x00", "\ufffd")


def test_an_empty_body_is_a_body() -> None:
    assert ("body", b"") in parse([b'{"type":"result","size":0}\n'])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"not json", "no JSON"),
        (b"[1]", "without a type"),
        (b'{"type":1}', "without a type"),
        (b'{"type":"exec"}', "unknown type"),
        (b'{"type":"result"}', "no count of bytes"),
        (b'{"type":"result","size":-1}', "no count of bytes"),
        (b'{"type":"result","size":true}', "no count of bytes"),
        (b'{"type":"result","size":1.5}', "no count of bytes"),
        (b'{"type":"result","size":"9"}', "no count of bytes"),
        (b'{"type":"artifact","size":1073741824}', "at most 268435456"),
        (b'{"type":"log","size":5}', "carries no bytes"),
        (b'{"type":"log","type":"result","size":1}', "appears twice"),
        (b'{"type":"log","n":NaN}', "no JSON"),
        (b"[" * 60000, "nested deeper"),
        (b'{"type":"log","m":"\xff"}', "no JSON"),
        (b"", "no JSON"),
    ],
)
def test_a_header_that_lies_breaks_the_stream(line: bytes, said: str) -> None:
    kind, message = parse([line + b"\n"])[-1]
    assert kind == "broken"
    assert said in message


@pytest.mark.parametrize("length", [MAX_HEADER_BYTES - 1, MAX_HEADER_BYTES, MAX_HEADER_BYTES + 1])
def test_a_header_line_has_64_kib_and_no_more(length: int) -> None:
    frame = json.dumps({"type": "log", "message": ""}).encode()
    line = frame[:-2] + b"x" * (length - 1 - len(frame)) + frame[-2:] + b"\n"
    assert len(line) == length
    expected = "broken" if length > MAX_HEADER_BYTES else "end"
    assert parse([line])[-1][0] == expected
    assert parse([line[:-1], line[-1:]])[-1][0] == expected


def test_a_header_without_end_is_refused_before_it_ends() -> None:
    parser = FrameParser()
    parser.feed(b"x" * MAX_HEADER_BYTES)
    with pytest.raises(BrokenFrame, match="longer than"):
        parser.next()


def test_our_own_header_has_the_same_limit() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode_header({"type": "request", "pointer": "x" * MAX_HEADER_BYTES})
