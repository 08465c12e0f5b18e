"""A notification as a block of text that commands no terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from airlock_sdk.printable import block, one_line

from .severities import FORMS
from .table import MAX_ROWS, pad, table_lines, width
from .template import filled, spelled

MAX_TITLE = 200  # characters
MAX_MESSAGE = 4000
MAX_FACTS = 50
MAX_FACT = 500
MAX_ITEMS = 20
MAX_BLOCK = 6000  # characters: what fits a line of an attempt's log whole
MAX_FRAME = 48 * 1024  # bytes of it on the way to the host: a header has 64 KiB, and spells in ASCII
_MAX_NAME = 40
_RULE = 60


class Notification(TypedDict, total=False):
    """One thing to tell; its schema stands in agent.yaml."""

    title: str
    message: str
    template: str
    severity: str
    facts: dict[str, Any]
    links: list[dict[str, str]]
    lists: list[dict[str, Any]]
    tables: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What there was more of than is shown."""

    what: str
    shown: int
    total: int


@dataclass(slots=True)
class Block:
    """The text of a notification, and what was left out of it."""

    severity: str
    lines: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)

    def cut(self, what: str, shown: int, total: int) -> None:
        """Note that only the first of several are shown, and say so in the text."""
        if total > shown:
            self.left_out.append(LeftOut(what, shown, total))
            self.lines.append(f"... and {total - shown} more")


def render(one: Notification, values: Mapping[str, Any]) -> Block:
    """Answer the block: severity and title, the message, facts, lists, tables, links; never by chance."""
    severity = one.get("severity", "INFO")
    form = FORMS[severity]
    rule = form.rule * _RULE
    made = Block(severity, [rule, f"{form.glyph} [{severity}] {one_line(one['title'], MAX_TITLE)}", rule])
    _add_message(made, one, values)
    if facts := one.get("facts"):
        _add_facts(made, facts)
    for listed in one.get("lists", []):
        _add_heading(made, listed.get("title"))
        items = listed["items"]
        made.lines += [f"  * {one_line(spelled(item), MAX_FACT)}" for item in items[:MAX_ITEMS]]
        made.cut(_named("items", listed.get("title")), min(len(items), MAX_ITEMS), len(items))
    for table in one.get("tables", []):
        _add_heading(made, table.get("title"))
        rows = table["rows"]
        made.lines += table_lines(table["columns"], rows) if rows else ["none"]
        made.cut(_named("rows", table.get("title")), min(len(rows), MAX_ROWS), len(rows))
    if links := one.get("links"):
        made.lines.append("")
        made.lines += [
            f"{one_line(link['text'], MAX_TITLE)}: {one_line(link['url'], 2000)}" for link in links
        ]
    return _bounded(made, rule)


def _add_message(made: Block, one: Notification, values: Mapping[str, Any]) -> None:
    text = filled(one["template"], values) if "template" in one else one.get("message", "")
    if text:
        made.lines += block(text, MAX_MESSAGE).split("\n")
    if len(text) > MAX_MESSAGE:
        made.left_out.append(LeftOut("characters of the message", MAX_MESSAGE, len(text)))


def _add_facts(made: Block, facts: Mapping[str, Any]) -> None:
    shown = [(one_line(name, _MAX_NAME), value) for name, value in list(facts.items())[:MAX_FACTS]]
    most = max(width(name) for name, _ in shown)
    made.lines.append("")
    made.lines += [f"{pad(name, most)}  {one_line(spelled(value), MAX_FACT)}" for name, value in shown]
    made.cut("facts", len(shown), len(facts))


def _add_heading(made: Block, title: str | None) -> None:
    made.lines.append("")
    if title is not None:
        made.lines.append(f"{one_line(title, MAX_TITLE)}:")


def _named(what: str, title: str | None) -> str:
    return what if title is None else f"{what} of {one_line(title, 60)}"


def _bounded(made: Block, rule: str) -> Block:
    """Cut whole lines off the end where the block is longer than the log takes; say how many."""
    room, frame = MAX_BLOCK - len(rule) - len("\n... and 10000 more lines\n"), MAX_FRAME
    kept: Sequence[str] = made.lines
    for count, line in enumerate(made.lines):
        room -= len(line) + 1
        frame -= len(json.dumps(line))
        if room < 0 or frame < 0:
            kept = made.lines[:count]
            break
    left = len(made.lines) - len(kept)
    if left:
        made.left_out.append(LeftOut("lines", len(kept), len(made.lines)))
    made.lines = [*kept, *([f"... and {left} more lines"] if left else []), rule]
    return made
