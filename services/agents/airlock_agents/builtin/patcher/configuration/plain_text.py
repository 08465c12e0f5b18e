"""Values in files that know only text."""

from __future__ import annotations

from .setting import Scalar


def plain(value: Scalar) -> str | None:
    """Spell a value for a line of a file that knows only text; None for what cannot stand there."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if text.isprintable() else None
