"""How loud a notification is, and what that does to its form and level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Form:
    """What a severity looks like on a console. The severity's own word always stands beside the glyph."""

    rank: int  # louder is higher; findings' severities and plain ones share one order
    level: Level
    glyph: str
    rule: str  # what the lines above and below are made of


FORMS: Mapping[str, Form] = {
    "INFO": Form(0, "info", "i", "\u2500"),
    "LOW": Form(1, "info", "\u00b7", "\u2500"),
    "WARNING": Form(2, "warning", "\u25b2", "\u2501"),
    "MEDIUM": Form(2, "warning", "\u25b2", "\u2501"),
    "ERROR": Form(3, "error", "\u2716", "\u2550"),
    "HIGH": Form(3, "error", "\u2716", "\u2550"),
    "CRITICAL": Form(4, "error", "\u203c", "\u2588"),
}


def is_below(severity: str, floor: str | None) -> bool:
    """Tell whether a severity is not as loud as the floor."""
    return floor is not None and FORMS[severity].rank < FORMS[floor].rank
