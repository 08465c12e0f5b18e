"""Agents' lines for people: when, which node, how much it matters, what was said."""

import json
import zlib
from datetime import UTC

from airlock_contracts.logs import LogLevel, LogStream, LogView
from rich.text import Text

from .text import one_line, plain

_NODES = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta", "bright_green")
_LEVELS = {LogLevel.DEBUG: "dim", LogLevel.INFO: "", LogLevel.WARNING: "yellow", LogLevel.ERROR: "bold red"}
_MARKS = {LogLevel.DEBUG: "debug", LogLevel.INFO: "", LogLevel.WARNING: "warning", LogLevel.ERROR: "error"}
_WIDEST_NAME = 24
_FIELD_CHARACTERS = 500


class LogLines:
    """Turns lines into text; names stand in a column as wide as the widest one so far."""

    def __init__(self) -> None:
        self._width = 0

    def text(self, line: LogView) -> Text:
        """A line as it is printed; nothing in it is read as markup or sent to the terminal raw."""
        name = line.node if line.attempt == 1 else f"{line.node}/{line.attempt}"
        self._width = max(self._width, min(len(name), _WIDEST_NAME))
        head = f"{line.at.astimezone(UTC):%H:%M:%S}  {name:<{self._width}}  "
        shown = Text(head[:10], style="dim")
        shown.append(head[10:], style=_NODES[zlib.crc32(line.node.encode()) % len(_NODES)])
        if line.stream is LogStream.AIRLOCK:
            return shown.append(f"({plain(line.message)})", style="dim italic")
        if line.stream is LogStream.PROGRESS:
            done = "" if line.fraction is None else f"{line.fraction:4.0%} "
            shown.append(f"{done}{one_line(line.message, _FIELD_CHARACTERS)}", style="italic")
            return shown
        style = _LEVELS[line.level]
        if mark := _MARKS[line.level]:
            shown.append(f"{mark}: ", style=style)
        first, *more = plain(line.message).split("\n")
        shown.append(first, style=style)
        for name, value in (line.fields or {}).items():
            shown.append(f" {one_line(name, 60)}={_value(value)}", style="dim")
        for text in more:  # what belongs to a line stands below it
            shown.append(f"\n{'':<{len(head)}}{text}", style=style)
        return shown


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, _FIELD_CHARACTERS)
