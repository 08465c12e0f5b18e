"""What a schema says of a value: what its references stand for, its types, its values, its choices."""

from typing import Any

_MAX_HOPS = 64
_TYPES = {type(None): "null", bool: "boolean", dict: "object", list: "array", str: "string"} | {
    int: "integer",
    float: "number",
}

Schema = Any


def resolved(root: Schema, schema: Schema) -> Schema:
    """What a local reference stands for."""
    for _ in range(_MAX_HOPS):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        schema = root
        for token in reference[1:].split("/")[1:]:
            schema = schema.get(token, {}) if isinstance(schema, dict) else {}
    return schema


def types_of(schema: Schema) -> frozenset[str]:
    """The types that it names or, where it lists its values, theirs."""
    named = schema.get("type", [])
    if not named and (listed := listed_values(schema)) is not None:
        return frozenset(_TYPES[type(one)] for one in listed)
    return frozenset([named] if isinstance(named, str) else named)


def listed_values(schema: Schema) -> list[Any] | None:
    """The values that it lists; None where it lists none."""
    if not isinstance(schema, dict):
        return None
    return [schema["const"]] if "const" in schema else schema.get("enum")


def choices_of(schema: Schema) -> list[Schema]:
    """What it may be: its choices, each with what stands beside them, or its types one by one, or itself."""
    if "anyOf" in schema:
        beside = {keyword: value for keyword, value in schema.items() if keyword not in ("anyOf", "$defs")}
        return [{**beside, **one} if beside and isinstance(one, dict) else one for one in schema["anyOf"]]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": one} for one in schema["type"]]
    return [schema]
