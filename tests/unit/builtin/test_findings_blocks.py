"""A file of any size is read in blocks: each line is asked about once, with what stands around it."""

from __future__ import annotations

from pathlib import Path

import pytest
from airlock_agents.builtin.findings.blocks import ABOVE, BELOW, BLOCK_CHARS, BLOCK_LINES, Block, blocks
from airlock_agents.builtin.findings.files import MAX_LINE, long_lines, split_lines
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "tea ", "\u00fc", "x" * (MAX_LINE - 2), "yz" * MAX_LINE]), st.integers(1, 9)
    ),
    max_size=200,
).map(
    lambda drawn: "".join(
        f"{text * (count % 3)}{number}\n" * count for number, (text, count) in enumerate(drawn)
    )
)


def asked(read: list[Block]) -> list[tuple[int, str]]:
    return [
        (block.first + place, block.lines[place])
        for block in read
        for place in range(block.start, block.stop)
    ]


@settings(max_examples=40)
@given(text=TEXTS)
def test_blocks_ask_about_each_line_once_and_give_what_was_cut_off_of_long_ones(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("blocks") / "t"
    place.write_text(text, encoding="utf-8")
    read = list(blocks(place))
    assert asked(read) == list(enumerate(split_lines(text), start=1))
    assert [piece for block in read for piece in block.rest] == long_lines(text)


def test_each_line_comes_with_those_around_it(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(1, 2_000)]
    (tmp_path / "t").write_text("\n".join(lines))
    for block in blocks(tmp_path / "t"):
        before, after = block.start, len(block.lines) - block.stop
        assert before == min(ABOVE, block.first + block.start - 1)
        assert after == min(BELOW, len(lines) - (block.first + block.stop - 1))


def test_a_block_is_small_however_long_lines_are(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("x" * 2_000_000 + "\n" + "y\n" * 5_000 + "z" * 9_000)
    for block in blocks(tmp_path / "t"):
        assert sum(map(len, block.lines)) + sum(len(piece) for _, piece in block.rest) < 2 * BLOCK_CHARS
        assert len(block.lines) + len(block.rest) <= BLOCK_LINES + ABOVE + BELOW


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-8-sig"])
def test_words_are_read_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("first\ngr\u00fc\u00dfe and the key\n".encode(encoding))
    (block,) = blocks(tmp_path / "t")
    assert [line[-5:] for line in block.lines[:2]] == ["first", "e key"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8"])
@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_lines_are_counted_as_editors_do_in_any_encoding(encoding: str, end: str, tmp_path: Path) -> None:
    lines = [f"line {number}" + "," * (number % 7) for number in range(1, 20_000)]
    (tmp_path / "t").write_bytes(end.join(lines).encode(encoding))
    read = asked(list(blocks(tmp_path / "t")))
    assert read[1:] == list(enumerate(lines, start=1))[1:]  # in front of the first may be a mark


def test_null_bytes_alone_end_no_text(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"one\n" + b"\0" * 1_000_000 + b"t\0wo\n")
    assert asked(list(blocks(tmp_path / "t"))) == [(1, "one"), (2, "two")]


def test_of_a_binary_the_printable_parts_are_read_with_space_between(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"\x7fELF\0one\0two\xff\x01\x0bthree\nfour")
    (block,) = blocks(tmp_path / "t", binary=True)
    assert [line.split() for line in block.lines] == [["ELF", "one", "two", "three"], ["four"]]
