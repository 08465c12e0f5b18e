"""Whether a value satisfies a JSON Schema 2020-12: every keyword that a manifest's schema may have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from airlock_sdk.testing.keywords import MAX_HOPS, UnsupportedSchema, check_known, dependents, target_of
from airlock_sdk.testing.patterns import found_in

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def mismatch(schema: Any, value: Any) -> str | None:
    """Say where and why a value breaks a schema, by JSON pointer; None where it satisfies it.

    Raises UnsupportedSchema for `$dynamicRef` and its kin, and for a pattern that Python cannot read.
    """
    return next(iter(judge(schema, schema, value).problems), None)


def is_of(value: Any, name: str) -> bool:
    """Whether a value is of a JSON type; 1.0 is an integer."""
    if name in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return name == "number" or isinstance(value, int) or value.is_integer()
    return isinstance(value, _TYPES[name])


def same(left: Any, right: Any) -> bool:
    """Equal as JSON: `true` is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def exact(number: float) -> Fraction:
    """A finite number as it is written: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _is_multiple(value: float, step: float) -> bool:
    return (isinstance(value, int) or math.isfinite(value)) and exact(value) % exact(step) == 0


@dataclass
class Judgement:
    """What is wrong with a value, and which of its members a schema has spoken of."""

    problems: list[str] = field(default_factory=list)
    members: set[str | int] = field(default_factory=set)
    """Names and places, for the `unevaluated...` of whoever asked (core specification, section 11)."""

    def add(self, other: Judgement) -> None:
        """Take over another schema's judgement of the same value: both must hold."""
        self.problems += other.problems
        self.members |= other.members


def judge(root: Any, schema: Any, value: Any, at: str = "", hops: int = 0) -> Judgement:
    """Judge a value that stands at `at` by one subschema of `root`. Raises UnsupportedSchema."""
    found = Judgement()
    if schema is False:
        found.problems.append(f"{at or '/'}: is not expected")
    if not isinstance(schema, Mapping):
        return found
    if hops > MAX_HOPS:
        raise UnsupportedSchema("its references go round in a circle")
    check_known(schema)
    _Judge(root, schema, value, at, hops, found).all()
    return found


@dataclass(frozen=True)
class _Judge:
    """One subschema at work on one value."""

    root: Any
    schema: Mapping[str, Any]
    value: Any
    at: str
    hops: int
    found: Judgement

    def all(self) -> None:
        self._plain()
        self._in_place()
        # Last, as they speak of what all the others have left.
        if isinstance(self.value, dict):
            self._object(self.value)
            self._members("unevaluatedProperties", self.value)
        elif isinstance(self.value, list):
            self._array(self.value)
            self._members("unevaluatedItems", dict(enumerate(self.value)))

    def _say(self, what: str) -> None:
        self.found.problems.append(f"{self.at or '/'}: {what}")

    def _here(self, schema: Any) -> Judgement:
        return judge(self.root, schema, self.value, self.at, self.hops + 1)

    def _below(self, schema: Any, name: str | int, member: Any) -> None:
        if schema is False and isinstance(name, str):
            self._say(f"{name} is not expected")
        else:
            token = str(name).replace("~", "~0").replace("/", "~1")
            self.found.problems += judge(self.root, schema, member, f"{self.at}/{token}").problems
        self.found.members.add(name)

    def _plain(self) -> None:
        schema, value = self.schema, self.value
        types = schema.get("type")
        if types is not None and not any(
            is_of(value, one) for one in ([types] if isinstance(types, str) else types)
        ):
            self._say(f"not of type {types}")
            return  # whatever else is wrong comes of that
        if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
            self._say(f"not one of {schema['enum']}")
        if "const" in schema and not same(value, schema["const"]):
            self._say(f"not {schema['const']!r}")
        if isinstance(value, str):
            if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
                self._say(f"{len(value)} characters")
            if "pattern" in schema and not found_in(schema["pattern"], value):
                self._say(f"does not match {schema['pattern']}")
        elif is_of(value, "number"):
            self._number(value)

    def _number(self, value: float) -> None:
        low, high = self.schema.get("minimum", -math.inf), self.schema.get("maximum", math.inf)
        over = self.schema.get("exclusiveMinimum", -math.inf)
        under = self.schema.get("exclusiveMaximum", math.inf)
        if not (low <= value <= high and over < value < under):
            self._say(f"{value} is out of bounds")
        step = self.schema.get("multipleOf")
        if step is not None and not _is_multiple(value, step):
            self._say(f"{value} is no multiple of {step}")

    def _in_place(self) -> None:
        schema, found = self.schema, self.found
        if "$ref" in schema:
            found.add(self._here(target_of(self.root, schema["$ref"])))
        for one in schema.get("allOf", ()):
            found.add(self._here(one))
        for kind in ("anyOf", "oneOf"):
            if kind in schema:
                self._choices(kind, schema[kind])
        if "if" in schema:
            asked = self._here(schema["if"])
            if not asked.problems:
                found.add(asked)
            found.add(self._here(schema.get("else" if asked.problems else "then", True)))
        if "not" in schema and not self._here(schema["not"]).problems:
            self._say("is what it must not be")
        if isinstance(self.value, dict):
            for name, needs in dependents(schema):
                if name in self.value:
                    found.add(self._here(needs))

    def _choices(self, kind: str, choices: list[Any]) -> None:
        holding = [one for one in map(self._here, choices) if not one.problems]
        if not holding or (kind == "oneOf" and len(holding) > 1):
            self._say(f"satisfies {len(holding)} of {kind}")
        for one in holding:
            self.found.add(one)

    def _object(self, value: dict[str, Any]) -> None:
        schema = self.schema
        for name in schema.get("required", ()):
            if name not in value:
                self._say(f"lacks {name}")
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", math.inf):
            self._say(f"{len(value)} properties")
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name, one in value.items():
            if "propertyNames" in schema:
                wrong = judge(self.root, schema["propertyNames"], name).problems
                for problem in wrong[:1]:
                    self._say(f"the name {name!r}: {problem.removeprefix('/: ')}")
            spoken = [known[name]] if name in known else []
            spoken += [inner for pattern, inner in patterns.items() if found_in(pattern, name)]
            if not spoken and "additionalProperties" in schema:
                spoken = [schema["additionalProperties"]]
            for inner in spoken:
                self._below(inner, name, one)

    def _array(self, value: list[Any]) -> None:
        schema = self.schema
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            self._say(f"{len(value)} items")
        if schema.get("uniqueItems") and any(
            same(one, other) for index, one in enumerate(value) for other in value[:index]
        ):
            self._say("an item stands twice")
        first = schema.get("prefixItems", ())
        for index, one in enumerate(value):
            if index < len(first):
                self._below(first[index], index, one)
            elif "items" in schema:
                self._below(schema["items"], index, one)
        if "contains" in schema:
            self._contains(value)

    def _contains(self, value: list[Any]) -> None:
        wanted = self.schema["contains"]
        held = [index for index, one in enumerate(value) if not judge(self.root, wanted, one).problems]
        least, most = self.schema.get("minContains", 1), self.schema.get("maxContains", math.inf)
        if not least <= len(held) <= most:
            self._say(f"contains {len(held)} of what it should contain")
        self.found.members.update(held)

    def _members(self, keyword: str, members: Mapping[Any, Any]) -> None:
        if keyword in self.schema:
            for name in [name for name in members if name not in self.found.members]:
                self._below(self.schema[keyword], name, members[name])
