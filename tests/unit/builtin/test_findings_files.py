"""Files are chosen by what they hold, not by what they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from airlock_agents.builtin.findings.files import (
    MAX_FILE_BYTES,
    MAX_LINE,
    list_sources,
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


def test_lines_are_numbered_as_editors_do_and_cut() -> None:
    assert split_lines("a\r\nb\rc\n\x0cd\u2028e") == ["a", "b", "c", "\x0cd\u2028e"]
    assert [len(line) for line in split_lines("x" * 9000)] == [MAX_LINE]
