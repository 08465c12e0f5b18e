"""The parts of LogQL and TraceQL that our dashboards use, read strictly, and what they find in what was sent.

Loki and Tempo are not here to ask. What stands in a query beyond these parts is an error, not a guess:
- LogQL: `{label="v"}` with = != =~ !~, then stages: `|= "v"` and its kin, `| label = "v"`,
  `| line_format "..."`. Labels are how Loki names what it gets by OTLP: attributes with `_` for what is no
  letter or digit.
- TraceQL: `{ field = "v" && ... }` with fields `name`, `status`, `span.*`, `resource.*`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_STRING = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(rf"\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*({_STRING})\s*")
_SELECTOR = re.compile(rf"\s*\{{((?:[^\"{{}}]|{_STRING})*)\}}")
_STAGE = re.compile(
    rf"\s*(?:(?P<line>\|=|!=|\|~|!~)\s*(?P<text>{_STRING})"
    rf"|\|\s*line_format\s+(?P<format>{_STRING})"
    rf"|\|\s*(?P<label>[a-zA-Z_]\w*)\s*(?P<is>=~|!~|!=|=)\s*(?P<value>{_STRING}))"
)
_FIELD = re.compile(r"\{\{\s*(?:\.(\w+)|(__line__))\s*\}\}")
_CONDITION = re.compile(
    rf"\s*((?:span|resource)\.[\w.]+|name|status)\s*(=~|!~|!=|=)\s*({_STRING}|error|ok|unset)\s*"
)
_SPANS = re.compile(rf"\s*\{{((?:[^\"{{}}]|{_STRING})*)\}}\s*")

Test = Callable[[str], bool]


class BadQuery(ValueError):
    """What is written is not what we know of the language."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Lines of streams."""

    streams: tuple[tuple[str, Test], ...]
    lines: tuple[Test, ...]
    labels: tuple[tuple[str, Test], ...]
    shown: str
    """Its format: a line and labels in `{{...}}`."""

    @property
    def names(self) -> set[str]:
        """Every label that it names."""
        shown = {field for field, _ in _FIELD.findall(self.shown) if field}
        return {name for name, _ in (*self.streams, *self.labels)} | shown

    def finds(self, line: str, labels: Mapping[str, str]) -> bool:
        """Whether it finds a line with these labels."""
        return all(test(labels.get(name, "")) for name, test in (*self.streams, *self.labels)) and all(
            test(line) for test in self.lines
        )

    def show(self, line: str, labels: Mapping[str, str]) -> str:
        """What it makes of a line that it finds."""
        return _FIELD.sub(lambda field: labels.get(field[1], "") if field[1] else line, self.shown)


@dataclass(frozen=True, slots=True)
class SpanQuery:
    """Spans, each by itself."""

    conditions: tuple[tuple[str, Test], ...]

    @property
    def names(self) -> set[str]:
        """Every field that it names."""
        return {name for name, _ in self.conditions}

    def finds(self, span: Mapping[str, str]) -> bool:
        """Whether it finds a span with these fields."""
        return all(name in span and test(span[name]) for name, test in self.conditions)


def read_logql(text: str) -> LogQuery:
    """Raises BadQuery."""
    selector = _SELECTOR.match(text)
    if selector is None:
        raise BadQuery(f"no stream selector: {text}")
    streams = []
    for part in _parts(selector[1], ","):
        found = _MATCHER.fullmatch(part)
        if found is None:
            raise BadQuery(f"no matcher: {part}")
        streams.append((found[1], _test(found[2], found[3])))
    if not streams:
        raise BadQuery("Loki wants at least one matcher")
    lines, labels, shown, at = [], [], "{{ __line__ }}", selector.end()
    while text[at:].strip():
        stage = _STAGE.match(text, at)
        if stage is None:
            raise BadQuery(f"no stage: {text[at:]}")
        if stage["line"]:
            lines.append(_contains(stage["line"], stage["text"]))
        elif stage["format"]:
            shown = _plain(stage["format"])
            rest = _FIELD.sub("", shown)
            if "{{" in rest or "}}" in rest:
                raise BadQuery(f"no field: {rest}")
        else:
            labels.append((stage["label"], _test(stage["is"], stage["value"])))
        at = stage.end()
    return LogQuery(tuple(streams), tuple(lines), tuple(labels), shown)


def read_traceql(text: str) -> SpanQuery:
    """Raises BadQuery."""
    whole = _SPANS.fullmatch(text)
    if whole is None:
        raise BadQuery(f"no spans: {text}")
    conditions = []
    for part in _parts(whole[1], "&&"):
        found = _CONDITION.fullmatch(part)
        if found is None:
            raise BadQuery(f"no condition: {part}")
        if (found[1] == "status") is found[3].startswith('"'):
            raise BadQuery(f"status is a word, everything else a string: {part}")
        conditions.append((found[1], _test(found[2], found[3])))
    return SpanQuery(tuple(conditions))


def _parts(text: str, between: str) -> list[str]:
    """Split where no string is."""
    pieces = re.findall(rf"{_STRING}|{re.escape(between)}|.", text)
    parts = [""]
    for piece in pieces:
        if piece == between:
            parts.append("")
        else:
            parts[-1] += piece
    return parts if text.strip() else []


def _test(operator: str, quoted: str) -> Test:
    """Of a whole value: both languages anchor their patterns."""
    value = _plain(quoted)
    if operator in ("=~", "!~"):
        pattern = _pattern(value)
        return lambda given: (pattern.fullmatch(given) is not None) is (operator == "=~")
    return lambda given: (given == value) is (operator == "=")


def _contains(operator: str, quoted: str) -> Test:
    """Of a part of a line."""
    value = _plain(quoted)
    if operator in ("|~", "!~"):
        pattern = _pattern(value)
        return lambda line: (pattern.search(line) is not None) is (operator == "|~")
    return lambda line: (value in line) is (operator == "|=")


def _pattern(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as error:
        raise BadQuery(f"no pattern: {value}") from error


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted.startswith('"') else quoted
