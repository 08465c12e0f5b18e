"""Documents that people write, in YAML or JSON: read strictly, each value with its line.

YAML is read as the JSON that it stands for: `yes` and `on` are words and `true` is a boolean, `012` and
`1:30` are words, a date is a word. Aliases, tags, merge keys and duplicate keys are refused, and so is depth.
The reader goes from event to event, so nothing recurses, whatever was sent.
Source: YAML 1.2.2, 10.2 (JSON schema), for what plain words mean.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml
from airlock_contracts import strict_json
from airlock_contracts.problems import Finding

from ..errors import InvalidDocument

MAX_DEPTH = 100
MAX_VALUES = 200_000
_WHOLE = "document"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}

Path = tuple[str | int, ...]
Member = tuple[int, str | int]
"""Where a value stands: in which collection (its identity, while the document lives), and under which key.

A path for each value would cost as much again for every level that it is deep.
"""
_ROOT: Member = (0, "")


class DocumentFormat(StrEnum):
    """What a document is written in."""

    JSON = "JSON"
    YAML = "YAML"


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value that somebody wrote, and where its parts stand."""

    value: Any
    lines: Mapping[Member, int] = field(default_factory=dict)
    """The line of each value; empty for JSON."""

    def place(self, path: Path) -> str:
        """Spell a path as people read it: `nodes.scan.inputs.workspace`, by id where a member has one."""
        spelled = ""
        value = self.value
        for part in path:
            value = member_of(value, part)
            spelled = _spelled(spelled, part, value)
        return spelled or _WHOLE

    def line(self, path: Path) -> int | None:
        """The line of the value at a path, or of the nearest that is around it."""
        value, line = self.value, self.lines.get(_ROOT)
        for part in path:
            found = self.lines.get((id(value), part))
            if found is None:
                break
            value, line = member_of(value, part), found
        return line

    def lines_at(self, places: Collection[str]) -> dict[str, int]:
        """The lines of those places that are there, as `place` spells them; give with each all around it."""
        if not self.lines:
            return {}
        found = {_WHOLE: self.lines[_ROOT]}
        around = [("", self.value)]
        while around:
            above, value = around.pop()
            for part, member in _members(value):
                if (place := _spelled(above, part, member)) in places:
                    found[place] = self.lines[id(value), part]
                    around.append((place, member))
        return found


class _Unreadable(Exception):
    def __init__(self, code: str, message: str, line: int) -> None:
        super().__init__(message)
        self.finding = Finding(place=f"line {line}", code=code, message=message)


def read_document(data: bytes, format_: DocumentFormat) -> Document:
    """Read one document. Raises InvalidDocument with what is wrong and where."""
    if format_ is DocumentFormat.JSON:
        try:
            return Document(strict_json.parse(data))
        except strict_json.InvalidJson as error:
            finding = Finding(place="document", code="json.invalid", message=str(error))
            raise InvalidDocument(f"not strict JSON: {error}", errors=[finding]) from error
    try:
        text = data.decode("utf-8-sig")
        return _read_yaml(text)
    except UnicodeDecodeError as error:
        finding = Finding(place="document", code="yaml.encoding", message=f"not UTF-8 at byte {error.start}")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "document" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"
        finding = Finding(place=where, code="yaml.syntax", message=error.problem or "not YAML")
    except yaml.YAMLError as error:  # a character that YAML does not allow
        finding = Finding(place="document", code="yaml.syntax", message=str(error).splitlines()[0])
    except _Unreadable as error:
        finding = error.finding
    raise InvalidDocument(f"not YAML that can be read: {finding.place}: {finding.message}", errors=[finding])


def _members(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _spelled(above: str, part: str | int, value: Any) -> str:
    """The place of a member below another place: by the id that an item of a list has, or by its number."""
    name = value.get("id") if isinstance(value, dict) and isinstance(part, int) else part
    if not isinstance(name, str):
        return f"{above}[{part}]"
    return f"{above}.{name}" if above else name


def member_of(value: Any, part: str | int) -> Any:
    """A member of a value by its name or number; None where there is none."""
    if isinstance(value, dict) and isinstance(part, str):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


@dataclass(slots=True)
class _Open:
    """A collection that the reader is inside of."""

    value: dict[str, Any] | list[Any]
    key: str | None = None


class _Builder:
    """Puts values into each other as their events come."""

    def __init__(self) -> None:
        self.lines: dict[Member, int] = {}
        self.root: Any = None
        self.done = False
        self._open: list[_Open] = []

    def put(self, value: Any, line: int) -> None:
        """Place a value where the reader stands."""
        if not self._open:
            self.root, self.done = value, True
            where = _ROOT
        else:
            around = self._open[-1]
            if isinstance(around.value, list):
                where = (id(around.value), len(around.value))
                around.value.append(value)
            else:
                assert around.key is not None
                where = (id(around.value), around.key)
                around.value[around.key] = value
                around.key = None
        self.lines[where] = line
        if len(self.lines) > MAX_VALUES:
            raise _Unreadable("yaml.too_large", f"holds more than {MAX_VALUES} values", line)

    def wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def key(self, text: str, line: int) -> None:
        around = self._open[-1]
        assert isinstance(around.value, dict)
        if text in around.value:
            raise _Unreadable("yaml.duplicate_key", f"the key {text[:100]!r} appears twice", line)
        around.key = text

    def enter(self, value: dict[str, Any] | list[Any], line: int) -> None:
        if self.wants_key():
            raise _Unreadable("yaml.key", "a key is a word, not a collection", line)
        self.put(value, line)
        self._open.append(_Open(value))
        if len(self._open) > MAX_DEPTH:
            raise _Unreadable("yaml.too_deep", f"nested deeper than {MAX_DEPTH} levels", line)

    def leave(self) -> None:
        self._open.pop()


def _read_yaml(text: str) -> Document:
    builder = _Builder()
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and builder.done:
            raise _Unreadable("yaml.documents", "more than one document", line)
        if isinstance(event, yaml.AliasEvent):
            raise _Unreadable("yaml.alias", "aliases are not allowed: write the value out", line)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            raise _Unreadable("yaml.alias", "anchors are not allowed: write the value out", line)
        tag: str | None = getattr(event, "tag", None)  # of scalars and collections
        if tag is not None:
            raise _Unreadable("yaml.tag", f"tags such as {tag[:100]} are not allowed", line)
        if isinstance(event, yaml.ScalarEvent):
            _scalar(builder, event, line)
        elif isinstance(event, yaml.MappingStartEvent):
            builder.enter({}, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            builder.enter([], line)
        elif isinstance(event, yaml.CollectionEndEvent):
            builder.leave()
    if not builder.done:
        raise _Unreadable("yaml.empty", "the document is empty", 1)
    return Document(builder.root, builder.lines)


def _scalar(builder: _Builder, event: Any, line: int) -> None:
    text: str = event.value
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _Unreadable("yaml.character", "a string holds U+0000 or an unpaired surrogate", line)
    plain: bool = event.implicit[0]  # neither quoted nor a block
    if not builder.wants_key():
        builder.put(_plain(text, line) if plain else text, line)
        return
    if plain and text == "<<":
        raise _Unreadable("yaml.merge", "merge keys are not allowed: write the fields out", line)
    if plain and not isinstance(_plain(text, line), str):
        raise _Unreadable("yaml.key", f"the key {text[:100]!r} is no word: put it in quotes", line)
    builder.key(text, line)


def _plain(text: str, line: int) -> Any:
    """What an unquoted word stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if (found := _NUMBER.fullmatch(text)) is None:
        return text
    if len(text) > strict_json.MAX_DIGITS:
        raise _Unreadable("yaml.number", f"a number of {len(text)} characters", line)
    if found[2] is None and found[3] is None:
        return int(text)
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Unreadable("yaml.number", f"the number {text} is beyond a double's range", line)
    return number
