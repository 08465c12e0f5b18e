"""What a schema rules out before there is a value: which JSON types may stand at a path.

An answer errs on one side only. A type that is missing from it cannot occur; one that is in it may or may
not. Looked at are `type`, `const`, `enum`, `properties`, `additionalProperties`, `items`, `prefixItems`,
`maxItems`, `$ref` and the combinations `allOf`, `anyOf`, `oneOf`; whatever else a schema says is ignored.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from .expressions import Path, PathStep
from .schema_graph import SchemaGraph

MAX_STEPS = 64
"""No JSON value that Airlock takes is deeper."""
MAX_OPEN = 150
"""Schemas that are looked at by way of each other: beyond, nothing is ruled out, for this recurses."""

ANYTHING = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
"""`integer` is a whole number and `number` one that is not."""
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Possible:
    """The types that may stand somewhere, and why there are none."""

    types: frozenset[str]
    reason: str = ""

    def __and__(self, other: "Possible") -> "Possible":
        if not self.types or not other.types:
            return self if not self.types else other
        types = self.types & other.types
        return Possible(types, "" if types else "no type satisfies the schema there")

    def __or__(self, other: "Possible") -> "Possible":
        return Possible(self.types | other.types, self.reason or other.reason)


_ALL = Possible(ANYTHING)


class SchemaPaths:
    """Answers about one schema; remembers them."""

    def __init__(self, root: object) -> None:
        """Take a schema that passed `check_schema`, artifacts resolved."""
        self.root = root
        self._graph = SchemaGraph(root)
        self._known: dict[tuple[int, Path], Possible] = {}
        self._open = 0

    def at(self, path: Path) -> Possible:
        """Say which types may stand at a path; none at all when the schema rules it out."""
        if len(path) > MAX_STEPS:
            return Possible(NOTHING, f"more than {MAX_STEPS} steps")
        return self._at(self.root, path)

    def _at(self, schema: object, path: Path) -> Possible:
        if isinstance(schema, bool):
            return _ALL if schema else Possible(NOTHING, "nothing is allowed there")
        assert isinstance(schema, dict)  # it passed `check_schema`
        key = (id(schema), path)
        if key not in self._known:
            if self._open == MAX_OPEN:
                return _ALL
            self._open += 1
            parts = [self._own(schema, path), *self._combined(schema, path)]
            self._open -= 1
            self._known[key] = reduce(Possible.__and__, parts)
        return self._known[key]

    def _combined(self, schema: dict[str, Any], path: Path) -> Iterator[Possible]:
        if (target := self._graph.target(schema)) is not None:
            yield self._at(target, path)
        for branch in schema.get("allOf", ()):
            yield self._at(branch, path)
        for keyword in ("anyOf", "oneOf"):
            if branches := schema.get(keyword):
                yield reduce(Possible.__or__, (self._at(branch, path) for branch in branches))

    def _own(self, schema: dict[str, Any], path: Path) -> Possible:
        own = _declared(schema)
        if not path:
            return Possible(own, "" if own else "no type satisfies the schema there")
        step, rest = path[0], path[1:]
        needed = "object" if isinstance(step, str) else "array"
        if needed not in own:
            return Possible(NOTHING, f"{_step(step)} of {spell(own)}")
        if isinstance(step, str):
            return self._property(schema, step, rest)
        return self._item(schema, step, rest)

    def _property(self, schema: dict[str, Any], name: str, rest: Path) -> Possible:
        properties = schema.get("properties", {})
        if name in properties:
            return self._at(properties[name], rest)
        other = schema.get("additionalProperties", True)
        if "patternProperties" in schema or other is True:
            return _ALL
        if other is False:
            return Possible(NOTHING, f"no property {name[:200]!r}{_instead(name, list(properties))}")
        return self._at(other, rest)

    def _item(self, schema: dict[str, Any], index: int, rest: Path) -> Possible:
        first = schema.get("prefixItems", [])
        if index < len(first):
            return self._at(first[index], rest)
        most = schema.get("maxItems")
        if isinstance(most, int) and index >= most:
            return Possible(NOTHING, f"[{index}] of a list of at most {most} items")
        others = schema.get("items", True)
        if others is False:
            return Possible(NOTHING, f"[{index}] of a list of at most {len(first)} items")
        return self._at(others, rest)


def type_of(value: object) -> str:
    """Name a JSON value's type; a double without a fraction counts as an integer, as the schema has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def spell(types: frozenset[str]) -> str:
    """Write types for people: `string or null`."""
    if types == ANYTHING:
        return "any type"
    shown = types - {"integer"} if "number" in types else types
    return " or ".join(sorted(shown)) or "no type"


def _declared(schema: dict[str, Any]) -> frozenset[str]:
    types = ANYTHING
    if (named := schema.get("type")) is not None:
        names = {named} if isinstance(named, str) else set(named)
        types = frozenset(names | ({"integer"} if "number" in names else set()))
    if "const" in schema:
        types &= {type_of(schema["const"])}
    if "enum" in schema:
        types &= {type_of(value) for value in schema["enum"]}
    return types


def _step(step: PathStep) -> str:
    return f"[{step}]" if isinstance(step, int) else f"the property {step[:200]!r}"


def _instead(name: str, known: list[str]) -> str:
    if not known:
        return ""
    if close := difflib.get_close_matches(name[:200], known):
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(sorted(known)[:20])}"[:400]
