"""Text from elsewhere reaches a terminal as text."""

from __future__ import annotations

from airlock_sdk.printable import block, one_line


def test_controls_become_escapes_and_length_is_bounded() -> None:
    assert one_line("a\x1b[31m\nb", 50) == "a\\x1b[31m\\nb"
    assert one_line("a\udce9", 50) == one_line(b"a\xe9", 50) == "a\\xe9"
    assert one_line("x" * 60, 50) == "x" * 49 + "…"
    assert len(one_line("\x1b" * 60, 50)) == 50


def test_a_block_keeps_its_lines_and_nothing_else() -> None:
    assert block("a\r\n\tb\rc\u202e", 100) == "a\n    b\\rc\\u202e"
    assert len(block("line\n" * 100, 50)) == 50
