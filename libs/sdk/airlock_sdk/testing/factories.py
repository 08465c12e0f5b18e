"""Values that satisfy a JSON Schema: one example, the same each time, or a seeded variety of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from airlock_sdk.testing.keywords import Flat, Schema, UnsupportedSchema, alternatives, conditions, flatten
from airlock_sdk.testing.matching import mismatch
from airlock_sdk.testing.patterns import text_matching

_TRIES = 200
_MAX_DEPTH = 12  # beyond it only what is required is made, so that a recursive schema ends
_WORDS = ("a", "text", "src/main.py", "two words", "Zürich", "x" * 40, "<b>&amp;</b>", "line\nbreak", "0", "")
_MOST_ITEMS = 4


def example(schema: Mapping[str, Any], **given: Any) -> Any:
    """Make the simplest value of a schema: only what is required, the first choice, the least bound.

    `given` replaces or adds properties of the value. Raises UnsupportedSchema, naming what it does not
    understand, and ValueError where what was given breaks the schema.
    """
    value = next(_values(schema, None))
    if not given:
        return value
    changed = {**value, **given}
    if (problem := mismatch(schema, changed)) is not None:
        raise ValueError(f"what is given breaks the schema: {problem}")
    return changed


def examples(schema: Mapping[str, Any], count: int = 20, *, seed: int = 0) -> list[Any]:
    """Make `count` values of a schema, the simplest first: the same ones for the same seed.

    They differ in what may be missing, in choices, lengths and numbers, up to the bounds. Raises
    UnsupportedSchema.
    """
    varied = _values(schema, Random(seed))  # noqa: S311 -- variety for tests, no secret
    return [next(_values(schema, None)), *(next(varied) for _ in range(count - 1))][:count]


def _values(schema: Mapping[str, Any], chance: Random | None) -> Iterator[Any]:
    """Make values without end; each has been checked, so what is made is what was asked for."""
    # A choice that leads nowhere is made again by chance, also for the one simple value.
    again = Random(1)  # noqa: S311 -- as above
    while True:
        last = ""
        for attempt in range(_TRIES):
            making = _Making(schema, chance if chance is not None or attempt == 0 else again)
            try:
                value = making.value(schema, 0)
            except _DeadEnd as end:
                last = str(end)
                continue
            problem = mismatch(schema, value)
            if problem is None:
                yield json.loads(json.dumps(value))
                break
            last = problem
        else:
            raise UnsupportedSchema(f"found no value in {_TRIES} tries ({last}): make this one by hand")


class _DeadEnd(Exception):
    """The choices made so far contradict each other."""


class _Making:
    """One value in the making; without `chance` each choice is the first."""

    def __init__(self, root: Any, chance: Random | None) -> None:
        self._root = root
        self._chance = chance

    def value(self, schema: Any, depth: int) -> Any:
        flat = self._chosen(flatten(self._root, schema), depth)
        if "const" in flat:
            return flat["const"]
        if "enum" in flat:
            return self._enum(flat)
        match self._type(flat):
            case "object":
                return self._object(flat, depth)
            case "array":
                return self._array(flat, depth)
            case "string":
                return self._string(flat)
            case "integer":
                return self._number(flat, whole=True)
            case "number":
                return self._number(flat, whole=False)
            case "boolean":
                return bool(self._pick([False, True]))
            case _:
                return None

    def _chosen(self, flat: Flat, depth: int) -> Flat:
        """The schema with one branch of each of its choices taken."""
        for _ in range(_MAX_DEPTH):
            either, when = alternatives(flat), conditions(flat)
            if not either and not when:
                return flat
            rest: Schema = {
                key: one for key, one in flat.items() if key not in ("alternatives", "conditions")
            }
            taken = [self._simplest(choices, depth) for _, choices in either]
            for condition in when:
                holds = [condition["if"], condition.get("then", True)]
                taken += self._pick([holds, [condition.get("else", True)]])
            flat = rest
            for one in taken:
                flat = flatten(self._root, {"allOf": [_spelled(flat), one]})
        raise _DeadEnd("choices within choices without end")

    def _simplest(self, choices: list[Any], depth: int) -> Any:
        if depth < _MAX_DEPTH:
            return self._pick(choices)
        # Deep inside a recursive schema the way out is whatever holds nothing more.
        return min(choices, key=_size)

    def _type(self, flat: Flat) -> str:
        types = flat.get("type")
        if isinstance(types, str):
            return str(types)
        if types == []:
            raise _DeadEnd("no type is left")
        if types:
            return str(self._pick(types))
        for name, keywords in (
            ("object", ("properties", "required", "additionalProperties", "minProperties")),
            ("array", ("items", "prefixItems", "minItems", "maxItems")),
            ("string", ("pattern", "minLength", "maxLength")),
            ("number", ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")),
        ):
            if any(keyword in flat for keyword in keywords):
                return name
        return "object"

    def _enum(self, flat: Flat) -> Any:
        types = flat.get("type")
        named = [types] if isinstance(types, str) else types
        fitting = [one for one in flat["enum"] if named is None or mismatch({"type": named}, one) is None]
        if not fitting:
            raise _DeadEnd("nothing of an enum is left")
        return self._pick(fitting)

    def _object(self, flat: Flat, depth: int) -> dict[str, Any]:
        known = flat.get("properties", {})
        required = list(flat.get("required", ()))
        optional = [name for name in known if name not in required and known[name] is not False]
        wanted = required + [name for name in optional if depth < _MAX_DEPTH and self._maybe()]
        for needs in flat.get("dependentRequired", ()):
            wanted += [other for name in list(wanted) for other in needs.get(name, ()) if other not in wanted]
        for name in optional:
            if len(wanted) < flat.get("minProperties", 0) and name not in wanted:
                wanted.append(name)
        more = flat.get("additionalProperties", True)
        made = {name: self.value(known.get(name, more), depth + 1) for name in wanted}
        number = 0
        while len(made) < flat.get("minProperties", 0) and more is not False:
            made[f"name{number}"] = self.value(more, depth + 1)
            number += 1
        if isinstance(more, dict) and not known and depth < _MAX_DEPTH and self._maybe():
            made["name"] = self.value(more, depth + 1)
        return made

    def _array(self, flat: Flat, depth: int) -> list[Any]:
        least = flat.get("minItems", 0)
        first = list(flat.get("prefixItems", ()))
        most = min(flat.get("maxItems", math.inf), max(least, len(first)) + _MOST_ITEMS)
        count = (
            least if depth >= _MAX_DEPTH else self._between(max(least, min(len(first), int(most))), int(most))
        )
        items: list[Any] = []
        for index in range(count):
            inner = first[index] if index < len(first) else flat.get("items", True)
            if inner is False:
                break
            one = self.value(inner, depth + 1)
            if flat.get("uniqueItems") and one in items:
                continue  # where too few are left, the whole is made again
            items.append(one)
        return items

    def _string(self, flat: Flat) -> str:
        least, most = int(flat.get("minLength", 0)), int(flat.get("maxLength", 10_000))
        if "pattern" in flat:
            return text_matching(flat["pattern"], self._chance, least, most)
        word = str(self._pick(_WORDS))[:most]
        return word + "a" * (least - len(word))

    def _number(self, flat: Flat, *, whole: bool) -> float:
        low, high = flat.get("minimum", -math.inf), flat.get("maximum", math.inf)
        step = flat.get("multipleOf", 1 if whole else 0.5)
        low = max(low, flat["exclusiveMinimum"] + step if "exclusiveMinimum" in flat else low)
        high = min(high, flat["exclusiveMaximum"] - step if "exclusiveMaximum" in flat else high)
        start = low if low > -math.inf else min(0, high)
        first = math.ceil(start / step) if low > -math.inf else math.floor(start / step)
        last = math.floor(high / step) if high < math.inf else first + 1000
        if last < first:
            raise _DeadEnd("no number is left between the bounds")
        count = self._pick([first, last]) if self._chance and self._maybe() else self._between(first, last)
        return int(count * step) if whole else count * step

    def _pick(self, choices: Any) -> Any:
        return choices[0] if self._chance is None else self._chance.choice(choices)

    def _maybe(self) -> bool:
        return self._chance is not None and self._chance.random() < 0.5

    def _between(self, low: int, high: int) -> int:
        return low if self._chance is None else self._chance.randint(low, high)


def _size(schema: Any) -> tuple[bool, int]:
    text = json.dumps(schema)
    return "$ref" in text, len(text)


def _spelled(flat: Flat) -> Schema:
    """A flat schema as JSON Schema again, so that it can be combined once more."""
    schema = {
        key: one
        for key, one in flat.items()
        if key not in ("alternatives", "conditions", "not", "dependentRequired")
    }
    extra: list[Schema] = [{kind: choices} for kind, choices in alternatives(flat)]
    extra += conditions(flat)
    extra += [{"not": one} for one in flat.get("not", ())]
    extra += [{"dependentRequired": one} for one in flat.get("dependentRequired", ())]
    return {**schema, "allOf": extra} if extra else schema
