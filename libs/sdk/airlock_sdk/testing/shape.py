"""What a value must be like: all schemas that hold for it at once, with one branch of each choice taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, inf, lcm
from typing import Any

from airlock_sdk.testing.keywords import Schema, check_known, dependents, target_of
from airlock_sdk.testing.matching import is_of, same
from airlock_sdk.testing.patterns import found_in

_MOST_SCHEMAS = 500
"""That hold for one value; more are choices within choices without end."""
_LARGER_WINS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLER_WINS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_OF_TYPES = (
    ("object", "properties required additionalProperties patternProperties minProperties".split()),
    ("array", "items prefixItems contains minItems maxItems".split()),
    ("string", "pattern minLength maxLength".split()),
    ("number", "minimum maximum multipleOf exclusiveMinimum exclusiveMaximum".split()),
)
_MEDIA_TYPES: Schema = {
    "properties": {"media_type": {"enum": ["text/plain", "application/json", "application/x-tar"]}}
}

Choose = Callable[[list[Any]], Any]


class DeadEnd(Exception):
    """The choices made so far contradict each other."""


@dataclass
class Shape:
    """The keywords of all schemas that hold for one value, each kind put together in its own way."""

    bounds: dict[str, Any] = field(default_factory=dict)
    types: list[str] | None = None
    enum: list[Any] | None = None
    step: Fraction | None = None
    patterns: list[str] = field(default_factory=list)
    unique: bool = False
    required: list[str] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    names: list[Any] = field(default_factory=list)
    """What each property's name must satisfy."""
    contains: list[tuple[Any, int]] = field(default_factory=list)
    """What some items must satisfy, and how many at least."""
    parts: list[Mapping[str, Any]] = field(default_factory=list)
    """The schemas themselves: `properties` and `items` and their kin mean something only within one."""
    hints: set[str] = field(default_factory=set)

    def named(self) -> list[str]:
        """The properties that some schema names, in order."""
        return list(dict.fromkeys(name for part in self.parts for name in part.get("properties", {})))

    def property(self, name: str) -> Any:
        """The schema of one property: False where it may not be there."""
        held, spoken_of = [], False
        for part in self.parts:
            own = [part["properties"][name]] if name in part.get("properties", {}) else []
            own += [
                one for pattern, one in part.get("patternProperties", {}).items() if found_in(pattern, name)
            ]
            if not own and "additionalProperties" in part:
                own = [part["additionalProperties"]]
            spoken_of = spoken_of or bool(own)
            held += own
        if not spoken_of:
            held = [part["unevaluatedProperties"] for part in self.parts if "unevaluatedProperties" in part]
        return False if name in self.forbidden else all_of(held)

    def item(self, index: int) -> Any:
        """The schema of one item: False where none may stand."""
        held, spoken_of = [], False
        for part in self.parts:
            first = part.get("prefixItems", ())
            own = [first[index]] if index < len(first) else [part["items"]] if "items" in part else []
            spoken_of = spoken_of or bool(own)
            held += own
        if not spoken_of:
            held = [part["unevaluatedItems"] for part in self.parts if "unevaluatedItems" in part]
        return all_of(held)

    def step_of(self, *, whole: bool) -> Fraction:
        """What numbers are multiples of."""
        if whole:
            return _common_step(self.step, Fraction(1))
        return self.step if self.step is not None else Fraction(1, 2)

    def upper(self, keyword: str) -> float:
        """An upper bound, infinite where there is none."""
        return float(self.bounds.get(keyword, inf))

    def fits(self, value: Any) -> bool:
        """Whether a value is of one of its types."""
        return self.types is None or any(is_of(value, one) for one in self.types)

    def likely_type(self) -> str | None:
        """The type that its keywords are about, where none is named; None where they are about none."""
        return next((name for name, words in _OF_TYPES if self.hints.intersection(words)), None)


def all_of(schemas: list[Any]) -> Any:
    """One schema that holds where all of them hold."""
    left = [one for one in schemas if one is not True and one != {}]
    if False in left:
        return False
    return {"allOf": left} if len(left) > 1 else left[0] if left else True


def shape_of(root: Any, schema: Any, choose: Choose, maybe: Callable[[], bool]) -> Shape:
    """Put together what holds for a value. Raises DeadEnd, UnsupportedSchema.

    `choose` takes one branch of a choice, `maybe` says whether a property that asks for more shall be there.
    """
    gathering = _Gathering(root, choose, maybe)
    gathering.add(schema)
    gathering.settle()
    return gathering.shape


class _Gathering:
    def __init__(self, root: Any, choose: Choose, maybe: Callable[[], bool]) -> None:
        self.shape = Shape()
        self._root = root
        self._choose = choose
        self._maybe = maybe
        self._open: list[list[Any]] = []
        self._dependents: list[tuple[str, Any]] = []
        self._count = 0

    def add(self, schema: Any) -> None:
        """Add a schema that holds, with what it refers to; its choices stay open."""
        self._count += 1
        if schema is False or self._count > _MOST_SCHEMAS:
            raise DeadEnd("nothing is allowed here" if schema is False else "choices without end")
        if not isinstance(schema, Mapping):
            return
        check_known(schema)
        if (reference := schema.get("$ref")) is not None:
            self.add(target_of(self._root, reference))
            if reference == "airlock:artifact":
                self.add(_MEDIA_TYPES)
        for one in schema.get("allOf", ()):
            self.add(one)
        self._open += _choices(schema)
        self._dependents += dependents(schema)
        self._merge(schema)

    def settle(self) -> None:
        """Take a branch of each choice, and decide on each property that others depend on."""
        while self._open or self._dependents:
            while self._open:
                self.add(self._choose(self._open.pop(0)))
            due = next((one for one in self._dependents if one[0] in self.shape.required), None)
            one = due or (self._dependents[0] if self._dependents else None)
            if one is None:
                return
            self._dependents.remove(one)
            name, needs = one
            if due or (name not in self.shape.forbidden and self._maybe()):
                self.add({"required": [name]})
                self.add(needs)
            else:
                self.shape.forbidden.add(name)

    def _merge(self, schema: Mapping[str, Any]) -> None:
        shape = self.shape
        shape.parts.append(schema)
        shape.hints |= schema.keys()
        for keywords, best in ((_LARGER_WINS, max), (_SMALLER_WINS, min)):
            for keyword in keywords:
                if keyword in schema:
                    known = shape.bounds.get(keyword, schema[keyword])
                    shape.bounds[keyword] = best(known, schema[keyword])
        if "type" in schema:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            shape.types = types if shape.types is None else _common(shape.types, types)
        listed = [schema["enum"]] if "enum" in schema else []
        for values in [*listed, [schema["const"]]] if "const" in schema else listed:
            known = values if shape.enum is None else shape.enum
            shape.enum = [one for one in known if any(same(one, other) for other in values)]
        if "multipleOf" in schema:
            shape.step = _common_step(shape.step, Fraction(str(schema["multipleOf"])))
        if "pattern" in schema:
            shape.patterns.append(schema["pattern"])
        if "propertyNames" in schema:
            shape.names.append(schema["propertyNames"])
        if "contains" in schema:
            shape.contains.append((schema["contains"], int(schema.get("minContains", 1))))
        shape.unique = shape.unique or bool(schema.get("uniqueItems"))
        shape.required += [name for name in schema.get("required", ()) if name not in shape.required]


def simplest(choices: list[Any]) -> Any:
    """The branch that holds least within: deep inside a recursive schema it is the way out."""
    return min(choices, key=lambda one: ("$ref" in (text := json.dumps(one)), len(text)))


def _choices(schema: Mapping[str, Any]) -> Iterator[list[Any]]:
    for kind in ("anyOf", "oneOf"):
        if kind in schema:
            yield list(schema[kind])
    if "if" in schema:
        asked = schema["if"]
        yield [
            all_of([asked, schema.get("then", True)]),
            all_of([{"not": asked}, schema.get("else", True)]),
        ]


def _common(left: list[str], right: list[str]) -> list[str]:
    whole = [one for one in ("integer",) if _takes_whole(left) and _takes_whole(right)]
    return list(dict.fromkeys([*(one for one in left if one in right), *whole]))


def _takes_whole(types: list[str]) -> bool:
    return "integer" in types or "number" in types


def _common_step(left: Fraction | None, right: Fraction) -> Fraction:
    if left is None:
        return right
    over = left.denominator * right.denominator // gcd(left.denominator, right.denominator)
    return Fraction(lcm(int(left * over), int(right * over)), over)
