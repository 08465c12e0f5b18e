"""JSON values whose strings may hold `{{ expressions }}`, compiled once and rendered with a run's values.

- A string that is one template and nothing else keeps the value's type; inside a longer string a string
  stands as it is, a number, boolean, list or object as compact JSON, and a null fails.
- An expression reads `context` and `nodes.<id>.output`. A bare path is looked up as it is, keys in their
  order, numbers of any size. All else is CEL without extensions, within the bounds of `evaluator`: integers
  of 64 bits (a larger one fails), 32 levels, 10,000 iterations; what it makes has its keys sorted.
- In CEL an id with a hyphen is written `nodes["my-node"].output`; as a bare path both spellings work.
- Keys of objects are never templates. A literal `{{` is written `{{ "{{" }}`.

Source of CEL: https://github.com/google/cel-spec; its evaluator *returns* a missing key as a value of type
ERROR, which is truthy, so every result's type is looked at.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airlock_contracts.problems import Finding

from .evaluator import MAX_EXPRESSION, CelFailed, Program
from .expressions import Bare, Malformed, Path, find_end, read_bare

JsonValue = Any

MAX_EXPRESSIONS = 100
"""In one template: rendering one node's inputs stays short."""
MAX_TEXT = 512 * 1024
"""Characters of one rendered string."""
MAX_DEPTH = 64
"""Levels of JSON, as in everything that comes from outside."""


class TemplateSyntaxError(ValueError):
    """A template cannot be compiled."""

    def __init__(self, place: str, expression: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}: {_short(expression)}")
        self.place, self.expression, self.reason = place, expression, reason


class TemplateFailed(ValueError):
    """A template has no value with these values: a missing key, a bad index, a null in a text."""

    def __init__(self, place: str, expression: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}: {_short(expression)}")
        self.place, self.expression, self.reason = place, expression, reason


@dataclass(frozen=True, slots=True)
class Reference:
    """What one expression reads."""

    root: str
    """`context` or `nodes.<id>`."""
    path: Path | None
    """Of a bare path: the steps below the context or the output. None inside CEL."""
    expression: str
    place: str
    """Where the expression stands: `inputs.workspace`."""
    whole: bool
    """It is the whole string, so the value keeps its type."""

    @property
    def node(self) -> str | None:
        """The id of the node whose output it reads; None for the context."""
        return self.root.removeprefix("nodes.") if self.root.startswith("nodes.") else None


@dataclass(frozen=True, slots=True)
class _Expression:
    text: str
    place: str
    meaning: Bare | Program


@dataclass(frozen=True, slots=True)
class _Text:
    """A string in pieces; one expression alone keeps its type."""

    pieces: tuple[str | _Expression, ...]
    place: str


@dataclass(slots=True)
class _Compiler:
    findings: list[TemplateSyntaxError] = field(default_factory=list)
    expressions: list[tuple[_Expression, bool]] = field(default_factory=list)

    def compile(self, value: JsonValue, place: str, depth: int = 1) -> JsonValue:
        """Return the value with each string that holds a template as a _Text."""
        if depth > MAX_DEPTH:
            self._add(place[:200], "", f"nested deeper than {MAX_DEPTH} levels")
            return None
        if isinstance(value, dict):
            if not all(isinstance(key, str) and _is_text(key) for key in value):
                self._add(place, "", "a key is not a JSON string")
            return {key: self.compile(child, f"{place}.{key}", depth + 1) for key, child in value.items()}
        if isinstance(value, list):
            return [self.compile(child, f"{place}[{i}]", depth + 1) for i, child in enumerate(value)]
        if isinstance(value, str):
            if not _is_text(value):
                self._add(place, "", "a string holds U+0000 or an unpaired surrogate")
            return self._text(value, place) if "{{" in value else value
        if isinstance(value, float) and not math.isfinite(value):
            self._add(place, "", f"{value} is not a JSON number")
        elif not (value is None or isinstance(value, bool | int | float)):
            self._add(place, "", f"{type(value).__name__} is not a JSON value")  # a date out of YAML
        return value

    def _text(self, text: str, place: str) -> _Text | None:
        """Cut a string into its pieces; None where that is a finding."""
        pieces: list[str | _Expression] = []
        position = 0
        while (start := text.find("{{", position)) >= 0:
            if start > position:
                pieces.append(text[position:start])
            source = text[start + 2 :][:MAX_EXPRESSION]
            if len(self.expressions) == MAX_EXPRESSIONS:
                self._add(place, source, f"more than {MAX_EXPRESSIONS} expressions")
                return None
            try:
                end = find_end(text, start + 2, MAX_EXPRESSION)
                source = text[start + 2 : end].strip()
                expression = _compile(source, place)
            except Malformed as error:
                self._add(place, source, str(error))
                return None
            pieces.append(expression)
            self.expressions.append((expression, start == 0 and end + 2 == len(text)))
            position = end + 2
        if position < len(text):
            pieces.append(text[position:])
        return _Text(tuple(pieces), place)

    def _add(self, place: str, expression: str, reason: str) -> None:
        self.findings.append(TemplateSyntaxError(place, expression, reason))


def _compile(source: str, place: str) -> _Expression:
    if not source:
        raise Malformed("nothing between the braces")
    return _Expression(source, place, read_bare(source) or Program(source))


class Template:
    """A compiled template. Frozen; safe to share."""

    def __init__(self, value: JsonValue, place: str = "inputs") -> None:
        """Compile a JSON value that stands at `place`. Raises TemplateSyntaxError for its first problem."""
        compiler = _Compiler()
        self._compiled = compiler.compile(value, place)
        if compiler.findings:
            raise compiler.findings[0]
        self.references: frozenset[Reference] = frozenset(_references(compiler.expressions))
        self.roots: frozenset[str] = frozenset(reference.root for reference in self.references)

    @property
    def is_text(self) -> bool:
        """Whether it is a string in which a template is only a part, so that it always gives a string."""
        return isinstance(self._compiled, _Text) and len(self._compiled.pieces) > 1

    @staticmethod
    def check(value: JsonValue, place: str = "inputs") -> list[Finding]:
        """Say everything that keeps a value from being compiled; code `template.invalid`."""
        compiler = _Compiler()
        compiler.compile(value, place)
        return [
            Finding(
                place=error.place,
                code="template.invalid",
                message=f"{error.reason}: {_short(error.expression)}",
            )
            for error in compiler.findings
        ]

    def render(self, values: Mapping[str, JsonValue]) -> JsonValue:
        """Give the value with every expression replaced; `values` as `Values.scope()` gives them.

        What comes from a bare path is the very object in `values`: do not change it. Raises TemplateFailed.
        """
        return _render(self._compiled, values)

    def parts(self, values: Mapping[str, JsonValue]) -> Iterator[tuple[str, str, JsonValue]]:
        """Yield place, expression and value of each expression: to see which one brings how much."""
        for expression in _expressions(self._compiled):
            yield expression.place, expression.text, _evaluate(expression, values)


def _references(expressions: Sequence[tuple[_Expression, bool]]) -> Iterator[Reference]:
    for expression, whole in expressions:
        meaning = expression.meaning
        bare = isinstance(meaning, Bare)
        for read in (meaning,) if isinstance(meaning, Bare) else meaning.reads:
            root = "context" if read.node is None else f"nodes.{read.node}"
            path = read.steps if bare else None
            yield Reference(root, path, expression.text, expression.place, whole)


def _expressions(compiled: JsonValue) -> Iterator[_Expression]:
    if isinstance(compiled, _Text):
        yield from (piece for piece in compiled.pieces if isinstance(piece, _Expression))
    elif isinstance(compiled, dict | list):
        for child in compiled.values() if isinstance(compiled, dict) else compiled:
            yield from _expressions(child)


def _render(compiled: JsonValue, values: Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(compiled, dict):
        return {key: _render(child, values) for key, child in compiled.items()}
    if isinstance(compiled, list):
        return [_render(child, values) for child in compiled]
    if not isinstance(compiled, _Text):
        return compiled
    first = compiled.pieces[0]
    if len(compiled.pieces) == 1 and isinstance(first, _Expression):
        return _evaluate(first, values)
    texts: list[str] = []
    size = 0
    for piece in compiled.pieces:
        text = piece if isinstance(piece, str) else _as_text(piece, _evaluate(piece, values))
        size += len(text)
        if size > MAX_TEXT:
            expression = piece.text if isinstance(piece, _Expression) else ""
            raise TemplateFailed(compiled.place, expression, f"the text grows beyond {MAX_TEXT} characters")
        texts.append(text)
    return "".join(texts)


def _as_text(expression: _Expression, value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        raise TemplateFailed(expression.place, expression.text, "is null, which has no text")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _evaluate(expression: _Expression, values: Mapping[str, JsonValue]) -> JsonValue:
    meaning = expression.meaning
    try:
        if isinstance(meaning, Bare):
            return _look_up(meaning, values)
        return meaning.run(values)
    except (CelFailed, LookupError) as error:
        raise TemplateFailed(expression.place, expression.text, str(error.args[0])) from error


def _look_up(bare: Bare, values: Mapping[str, JsonValue]) -> JsonValue:
    if bare.node is not None and bare.node not in values["nodes"]:
        raise LookupError(f"the node {bare.node} has no output")
    value = values["context"] if bare.node is None else values["nodes"][bare.node]["output"]
    for step in bare.steps:
        if isinstance(step, int):
            if not isinstance(value, list):
                raise LookupError(f"[{step}] of {_kind(value)}")
            if step >= len(value):
                raise LookupError(f"[{step}] of a list of {len(value)} items")
            value = value[step]
        elif not isinstance(value, dict):
            raise LookupError(f"the key {_short(step)!r} of {_kind(value)}")
        elif step not in value:
            raise LookupError(f"no key {_short(step)!r}")
        else:
            value = value[step]
    return value


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _kind(value: object) -> str:
    """Name a value's JSON type without showing it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."
