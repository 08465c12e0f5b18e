"""Text from elsewhere, made harmless for logs and terminals."""

from __future__ import annotations

import os
import unicodedata


def one_line(text: str | bytes, most: int) -> str:
    """Spell a text, or the bytes of a file's name, so that it stays on its line and commands no terminal.

    Controls, bidirectional overrides, line separators, private use and what is no Unicode become escapes
    (`\\x1b`); more than `most` characters are cut, with an ellipsis.
    """
    known = os.fsencode(text).decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    shown = "".join(_escape(char) if _dangerous(char) else char for char in known[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def block(text: str, most: int) -> str:
    """Do the same with a text of several lines: its newlines stay, tabs become spaces."""
    clean = text.replace("\r\n", "\n").replace("\t", "    ")[: most + 1]
    shown = "\n".join(one_line(line, most) for line in clean.split("\n"))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _dangerous(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] == "C" or category in ("Zl", "Zp")


def _escape(char: str) -> str:
    if 0xDC80 <= ord(char) <= 0xDCFF:  # a byte of a name that is no UTF-8 (PEP 383)
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
