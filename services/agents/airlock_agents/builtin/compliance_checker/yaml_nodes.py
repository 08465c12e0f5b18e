"""YAML as a tree with line numbers, read with bounds: an alias bomb, a flood or a deep nest is a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from .line_numbers import lines_of

MAX_EVENTS = 200_000
MAX_DEPTH = 60
MAX_WEIGHT = 400_000  # nodes, each counted as often as aliases repeat it
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TRUE = frozenset({"true", "yes", "on"})


class NotReadable(Exception):
    """The text is no YAML that can be taken; the message says why, on one line."""


@dataclass(slots=True)
class Node:
    """A scalar (always text), a list or a mapping, and the line on which it starts."""

    line: int
    value: str | list[Node] | dict[str, Node] | None
    block: bool = False  # a scalar whose text starts on the next line
    keys: dict[str, int] = field(default_factory=dict)  # the line of each key of a mapping
    weight: int = 1

    def get(self, *path: str) -> Node | None:
        """Answer what stands below these keys, if it does."""
        node: Node | None = self
        for key in path:
            node = node.value.get(key) if node is not None and isinstance(node.value, dict) else None
        return node

    def items(self) -> Iterator[tuple[str, Node]]:
        """List the pairs of a mapping; nothing for what is none."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def each(self) -> Iterator[Node]:
        """List the items of a list; nothing for what is none."""
        if isinstance(self.value, list):
            yield from self.value

    @property
    def text(self) -> str:
        """Answer a scalar's text; empty for what is none."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def true(self) -> bool:
        """Tell whether it is the scalar true, in any of YAML's spellings."""
        return self.text.lower() in _TRUE

    def line_of(self, offset: int) -> int:
        """Answer the line of a place in a scalar's text."""
        return self.line + int(self.block) + self.text.count("\n", 0, offset)

    def lines_of(self, offsets: Iterable[int]) -> Iterator[int]:
        """Answer the lines of places in a scalar's text, each behind the one before."""
        return lines_of(self.text, offsets, first=self.line + int(self.block))

    def texts(self) -> Iterator[Node]:
        """List the scalars of a list, or the scalar itself: many formats allow either."""
        if isinstance(self.value, str):
            yield self
        for one in self.each():
            if isinstance(one.value, str):
                yield one

    def walk(self) -> Iterator[Node]:
        """List this node and all below it; the bound on weight holds for it."""
        todo = [self]
        while todo:
            node = todo.pop()
            yield node
            todo += [one for _, one in node.items()]
            todo += node.each()


@dataclass(slots=True)
class _Open:
    node: Node
    anchor: str | None
    key: tuple[str, int] | None = None  # a mapping's key that waits for its value


def read_documents(text: str) -> list[Node]:
    """Read all documents of a YAML text. Raises NotReadable."""
    try:
        return _Composer().compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise NotReadable(f"not valid YAML{where}") from error
    except (ValueError, RecursionError) as error:
        raise NotReadable("not valid YAML") from error


class _Composer:
    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._weight = 0

    def compose(self, text: str) -> list[Node]:
        documents: list[Node] = []
        for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if number > MAX_EVENTS:
                raise NotReadable(f"YAML with more than {MAX_EVENTS} parts")
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
            elif isinstance(event, yaml.ScalarEvent):
                node = Node(line, event.value, block=event.style in ("|", ">"))
                self._place(node, event.anchor, documents)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._anchors:
                    raise NotReadable("YAML with an alias that names nothing, or itself")
                self._place(self._anchors[event.anchor], None, documents)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if len(self._open) >= MAX_DEPTH:
                    raise NotReadable(f"YAML nested deeper than {MAX_DEPTH}")
                mapping = isinstance(event, yaml.MappingStartEvent)
                self._open.append(_Open(Node(line, {} if mapping else []), event.anchor))
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                done = self._open.pop()
                _merge(done.node)
                self._place(done.node, done.anchor, documents)
        return documents

    def _place(self, node: Node, anchor: str | None, documents: list[Node]) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        self._weight += node.weight
        if self._weight > MAX_WEIGHT:
            raise NotReadable("YAML whose aliases make it too large")
        if not self._open:
            documents.append(node)
            return
        parent = self._open[-1]
        parent.node.weight += node.weight
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif isinstance(parent.node.value, dict):
            if parent.key is None:
                parent.key = (node.text, node.line)
            else:
                key, line = parent.key
                parent.node.value[key] = node
                parent.node.keys[key] = line
                parent.key = None


def _merge(node: Node) -> None:
    """Take over what `<<` names, where the mapping does not say otherwise."""
    merged = node.value.pop("<<", None) if isinstance(node.value, dict) else None
    if merged is None or not isinstance(node.value, dict):
        return
    for source in (merged, *merged.each()):
        for key, value in source.items():
            node.value.setdefault(key, value)
            node.keys.setdefault(key, value.line)
