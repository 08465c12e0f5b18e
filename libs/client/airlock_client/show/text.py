"""Text from outside made safe for a terminal: no escapes, no hidden direction changes, no markup."""

import re
from datetime import datetime, timedelta

from rich.text import Text

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_STYLES = {
    "SUCCESS": "green",
    "APPROVED": "green",
    "UP": "green",
    "FAILED": "bold red",
    "REJECTED": "bold red",
    "LOST": "red",
    "GONE": "red",
    "EXPIRED": "red",
    "CANCELLED": "magenta",
    "WITHDRAWN": "magenta",
    "CANCELLING": "magenta",
    "WAITING_APPROVAL": "bold yellow",
    "BACKING_OFF": "yellow",
    "DRAINING": "yellow",
    "RUNNING": "cyan",
    "QUEUED": "blue",
    "DISPATCHED": "blue",
    "PENDING": "dim",
    "SKIPPED": "dim",
    "CRITICAL": "bold red",
    "HIGH": "red",
    "MEDIUM": "yellow",
    "LOW": "dim",
}


def plain(text: object) -> str:
    """The text with control characters and the like shown as `\\xNN`, line breaks and tabs kept."""
    return _UNSAFE.sub(lambda found: f"\\x{ord(found.group()):02x}", str(text))


def one_line(text: object, limit: int = 200) -> str:
    """The text in one line, bounded."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def safe(text: object, style: str = "") -> Text:
    """The text for rich, never read as markup."""
    return Text(plain(text), style=style)


def cut(text: object) -> Text:
    """The text for a cell that stays one line: where there is no room it ends in `…`."""
    return Text(plain(text), no_wrap=True, overflow="ellipsis")


def style_of(value: object) -> str:
    """The colour of a status."""
    return _STYLES.get(str(value), "")


def status(value: object) -> Text:
    """A status in its colour."""
    return Text(str(value), style=style_of(value))


def seconds(value: float | timedelta | None) -> str:
    """A duration for people: `0.42 s`, `3 min 5 s`, `2 h 10 min`."""
    if value is None:
        return ""
    total = value.total_seconds() if isinstance(value, timedelta) else value
    if total < 60:
        return f"{total:.2f} s" if total < 10 else f"{total:.1f} s"
    minutes, rest = divmod(round(total), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def between(start: datetime | None, end: datetime | None) -> str:
    """How long something took; empty while it has not ended."""
    return "" if start is None or end is None else seconds(end - start)


def size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024 or unit == "MiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")
