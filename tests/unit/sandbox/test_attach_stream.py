"""The engine's attach stream is split the same way however it arrives."""

import pytest
from airlock_agents.sandbox.demux import BrokenStream, Demultiplexer, Stream
from hypothesis import given
from hypothesis import strategies as st

pieces = st.lists(st.tuples(st.sampled_from(list(Stream)), st.binary(max_size=200)), max_size=10)


def encode(stream: Stream, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@given(pieces=pieces, sizes=st.lists(st.integers(1, 50), max_size=80))
def test_any_chunking_gives_the_same_two_streams(
    pieces: list[tuple[Stream, bytes]], sizes: list[int]
) -> None:
    sent = b"".join(encode(stream, data) for stream, data in pieces)
    demux, got, at = Demultiplexer(), dict.fromkeys(Stream, b""), 0
    for size in [*sizes, len(sent)]:
        for stream, data in demux.feed(sent[at : at + size]):
            got[stream] += data
        at += size
    for stream in Stream:
        assert got[stream] == b"".join(data for kind, data in pieces if kind is stream)


@pytest.mark.parametrize("stream", [0, 3, 255])
def test_a_stream_that_is_neither_stdout_nor_stderr_is_refused(stream: int) -> None:
    with pytest.raises(BrokenStream):
        Demultiplexer().feed(bytes([stream, 0, 0, 0, 0, 0, 0, 1]) + b"x")
