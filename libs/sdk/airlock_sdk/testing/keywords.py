"""The part of JSON Schema 2020-12 that the factories understand, and how several schemas become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = dict[str, Any]
Flat = Schema
"""A schema without references and without `allOf`."""

ARTIFACT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["artifact", "size", "media_type"],
    "properties": {
        "artifact": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "size": {"type": "integer", "minimum": 0, "maximum": 256 * 1024 * 1024},
        "media_type": {"type": "string", "enum": ["text/plain", "application/json", "application/x-tar"]},
    },
}
"""What `airlock:artifact` means, with media types that hosts know."""
_ANNOTATIONS = frozenset(
    """$schema $id $comment $defs title description default examples format deprecated
    readOnly writeOnly""".split()
)
_UNDERSTOOD = _ANNOTATIONS | frozenset(
    """$ref type enum const properties required additionalProperties minProperties maxProperties
    dependentRequired items prefixItems minItems maxItems uniqueItems minimum maximum exclusiveMinimum
    exclusiveMaximum multipleOf minLength maxLength pattern anyOf oneOf allOf not if then else""".split()
)
_LARGER_WINS = frozenset(
    "minimum exclusiveMinimum minLength minItems minProperties".split(),
)
_SMALLER_WINS = frozenset("maximum exclusiveMaximum maxLength maxItems maxProperties".split())
_MAX_HOPS = 64
_ALTERNATIVES = "alternatives"
"""Not JSON Schema's word: the `anyOf` and `oneOf` that stand beside each other, each with its kind."""


class UnsupportedSchema(ValueError):
    """The factories do not understand a keyword, or find no value: make that one by hand."""


def flatten(root: Any, schema: Any) -> Flat:
    """Resolve references and `allOf`, at this level alone. Raises UnsupportedSchema for other keywords."""
    merged: Schema = {}
    for part in _parts(root, schema, 0):
        merged = _merge(merged, part)
    return merged


def alternatives(flat: Flat) -> list[tuple[str, list[Any]]]:
    """Its `anyOf` and `oneOf`, in order."""
    return list(flat.get(_ALTERNATIVES, ()))


def conditions(flat: Flat) -> list[Schema]:
    """Its `if`, `then`, `else`, in order."""
    return list(flat.get("conditions", ()))


def _parts(root: Any, schema: Any, hops: int) -> Iterable[Schema]:
    if schema is True:
        return
    if schema is False:
        yield {"enum": []}
        return
    if hops > _MAX_HOPS:
        raise UnsupportedSchema("its references go round in a circle")
    if unknown := sorted(set(schema) - _UNDERSTOOD):
        raise UnsupportedSchema(
            f"the factories do not understand {', '.join(unknown)}: make this value by hand"
        )
    own = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    if (reference := own.pop("$ref", None)) is not None:
        target = ARTIFACT if reference == "airlock:artifact" else resolve(root, reference)
        yield from _parts(root, target, hops + 1)
    for one in own.pop("allOf", ()):
        yield from _parts(root, one, hops + 1)
    either = [(key, own.pop(key)) for key in ("anyOf", "oneOf") if key in own]
    if either:
        own[_ALTERNATIVES] = either
    condition = {key: own.pop(key) for key in ("if", "then", "else") if key in own}
    if "if" in condition:
        own["conditions"] = [condition]
    if "not" in own:
        own["not"] = [own["not"]]
    if "dependentRequired" in own:
        own["dependentRequired"] = [own["dependentRequired"]]
    yield own


def resolve(root: Any, reference: str) -> Any:
    """Find the subschema that a local reference (`#/$defs/name`) names. Raises UnsupportedSchema."""
    if not reference.startswith("#"):
        raise UnsupportedSchema(f"{reference} leads out of the schema")
    found = root
    for token in reference[1:].split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            raise UnsupportedSchema(f"{reference} leads nowhere")
    return found


def _merge(left: Schema, right: Schema) -> Schema:
    left, right = _closed_to(left, right), _closed_to(right, left)
    merged = dict(left)
    for key, value in right.items():
        if key not in merged:
            merged[key] = value
        elif merged[key] != value or key in ("not", "conditions", _ALTERNATIVES, "dependentRequired"):
            merged[key] = _both(key, merged[key], value)
    return merged


def _closed_to(one: Schema, other: Schema) -> Schema:
    """`one`, with its own properties held to what `other` says of properties that it does not know."""
    if "additionalProperties" not in other or "properties" not in one:
        return one
    known, rest = other.get("properties", {}), other["additionalProperties"]
    held = {
        name: inner if name in known else _all_of(rest, inner) for name, inner in one["properties"].items()
    }
    return {**one, "properties": held}


def _both(key: str, left: Any, right: Any) -> Any:
    """What satisfies a keyword's both values."""
    if key in _LARGER_WINS:
        return max(left, right)
    if key in _SMALLER_WINS:
        return min(left, right)
    if key == "required":
        return [*left, *(one for one in right if one not in left)]
    if key == "properties":
        return {
            **left,
            **{name: _all_of(left[name], one) if name in left else one for name, one in right.items()},
        }
    if key in ("items", "additionalProperties"):
        return _all_of(left, right)
    if key == "enum":
        return [one for one in left if one in right]
    if key == "type":
        return _common_types(left, right)
    if key == "uniqueItems":
        return left or right
    if key in ("not", "conditions", _ALTERNATIVES, "dependentRequired"):
        return [*left, *right]
    raise UnsupportedSchema(f"{key} stands twice where several schemas hold at once: make this value by hand")


def _all_of(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    return left if right is True else right if left is True else {"allOf": [left, right]}


def _common_types(left: Any, right: Any) -> list[str]:
    first, second = (one if isinstance(one, list) else [one] for one in (left, right))
    common = [one for one in first if one in second]
    if "integer" not in common and {"integer", "number"} <= {*first, *second}:
        common.append("integer")
    return common
