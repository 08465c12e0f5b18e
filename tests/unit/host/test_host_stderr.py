"""What an agent prints becomes lines, in whatever portions it comes."""

from airlock_agents.host.stderr import StderrLines
from hypothesis import given
from hypothesis import strategies as st


def lines(*portions: bytes, limit: int = 100) -> list[str]:
    cutter = StderrLines(limit)
    found = [line for portion in portions for line in cutter.feed(portion)]
    return [*found, rest] if (rest := cutter.rest()) else found


def test_lines_are_cut_at_their_ends_and_empty_ones_are_left_out() -> None:
    assert lines(b"one\r\ntwo\n\n\nthree") == ["one", "two", "three"]


def test_a_progress_bar_shows_how_it_ended() -> None:
    assert lines(b" 10 %\r 50 %\r", b"100 %\r", b"\ndone\n") == ["100 %", "done"]


def test_unreadable_bytes_are_replaced_also_where_a_portion_ends_within_a_character() -> None:
    assert lines("ü".encode()[:1], "ü".encode()[1:] + b"\xff\n") == ["ü\ufffd"]


def test_a_line_that_never_ends_is_kept_up_to_the_limit() -> None:
    cutter = StderrLines(10)
    for _ in range(1000):
        assert cutter.feed(b"x" * 1000) == []
    assert cutter.feed(b"\nnext\n") == ["xxxxxxxxx…", "next"]


@given(st.binary(max_size=200).map(lambda raw: raw.replace(b"\xff", b"\r\n")), st.data())
def test_portions_make_no_difference(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw)))
    assert lines(raw[:at], raw[at:]) == lines(raw)
