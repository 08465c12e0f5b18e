"""Whether a value satisfies a schema, as far as the factories understand it. Airlock's own knows more."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from airlock_sdk.testing.keywords import Schema, alternatives, conditions, flatten

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def mismatch(schema: Any, value: Any) -> str | None:
    """Say where and why a value breaks a schema, by JSON pointer; None where it satisfies it.

    Raises UnsupportedSchema.
    """
    return next(problems(schema, schema, value, ""), None)


def problems(root: Any, schema: Any, value: Any, at: str) -> Iterator[str]:
    """Yield what is wrong with a value, by JSON pointer."""
    flat = flatten(root, schema)
    place = at or "/"
    types = flat.get("type")
    if types is not None and not any(
        is_of(value, one) for one in ([types] if isinstance(types, str) else types)
    ):
        yield f"{place}: not of type {types}"
        return
    if "enum" in flat and not any(same(value, one) for one in flat["enum"]):
        yield f"{place}: not one of {flat['enum']}"
    if "const" in flat and not same(value, flat["const"]):
        yield f"{place}: not {flat['const']!r}"
    if isinstance(value, dict):
        yield from _object_problems(root, flat, value, at)
    elif isinstance(value, list):
        yield from _array_problems(root, flat, value, at)
    elif isinstance(value, str):
        if not flat.get("minLength", 0) <= len(value) <= flat.get("maxLength", math.inf):
            yield f"{place}: {len(value)} characters"
        if "pattern" in flat and not re.search(flat["pattern"], value):
            yield f"{place}: does not match {flat['pattern']}"
    elif is_of(value, "number"):
        yield from _number_problems(flat, value, place)
    yield from _combined_problems(root, flat, value, at)


def is_of(value: Any, name: str) -> bool:
    """Whether a value is of a JSON type; 1.0 is an integer."""
    if name in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return name == "number" or float(value).is_integer()
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


def _object_problems(root: Any, flat: Schema, value: dict[str, Any], at: str) -> Iterator[str]:
    known = flat.get("properties", {})
    for name in flat.get("required", ()):
        if name not in value:
            yield f"{at or '/'}: lacks {name}"
    for wanted in flat.get("dependentRequired", ()):
        for name, others in wanted.items():
            if name in value and not set(others) <= set(value):
                yield f"{at or '/'}: {name} needs {others}"
    if not flat.get("minProperties", 0) <= len(value) <= flat.get("maxProperties", math.inf):
        yield f"{at or '/'}: {len(value)} properties"
    for name, one in value.items():
        inner = known[name] if name in known else flat.get("additionalProperties", True)
        if inner is False:
            yield f"{at or '/'}: {name} is not expected"
        else:
            yield from problems(root, inner, one, f"{at}/{name}")


def _array_problems(root: Any, flat: Schema, value: list[Any], at: str) -> Iterator[str]:
    if not flat.get("minItems", 0) <= len(value) <= flat.get("maxItems", math.inf):
        yield f"{at or '/'}: {len(value)} items"
    if flat.get("uniqueItems") and any(
        same(one, other) for i, one in enumerate(value) for other in value[:i]
    ):
        yield f"{at or '/'}: an item stands twice"
    first = flat.get("prefixItems", ())
    for index, one in enumerate(value):
        inner = first[index] if index < len(first) else flat.get("items", True)
        yield from problems(root, inner, one, f"{at}/{index}")


def _number_problems(flat: Schema, value: float, place: str) -> Iterator[str]:
    low, high = flat.get("minimum", -math.inf), flat.get("maximum", math.inf)
    over, under = flat.get("exclusiveMinimum", -math.inf), flat.get("exclusiveMaximum", math.inf)
    if not (low <= value <= high and over < value < under):
        yield f"{place}: {value} is out of bounds"
    step = flat.get("multipleOf")
    if step is not None and not math.isclose(value / step, round(value / step), rel_tol=0, abs_tol=1e-9):
        yield f"{place}: {value} is no multiple of {step}"


def _combined_problems(root: Any, flat: Schema, value: Any, at: str) -> Iterator[str]:
    def holds(schema: Any) -> bool:
        return next(problems(root, schema, value, at), None) is None

    for kind, choices in alternatives(flat):
        count = sum(map(holds, choices))
        if count == 0 or (kind == "oneOf" and count > 1):
            yield f"{at or '/'}: satisfies {count} of {kind}"
    for condition in conditions(flat):
        branch = condition.get("then" if holds(condition["if"]) else "else", True)
        yield from problems(root, branch, value, at)
    for refused in flat.get("not", ()):
        if holds(refused):
            yield f"{at or '/'}: is what it must not be"
