"""What the factories must know of JSON Schema 2020-12 before they read one: its references, its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

ARTIFACT: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["artifact", "size", "media_type"],
    "properties": {
        "artifact": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "size": {"type": "integer", "minimum": 0, "maximum": 256 * 1024 * 1024},
        "media_type": {"type": "string", "maxLength": 127},
    },
}
"""What `airlock:artifact` means."""
MAX_HOPS = 64
"""References that lead to references for one and the same value."""
_REFUSED = frozenset("$dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $vocabulary".split())
"""No manifest may have them either. A keyword that nobody knows is an annotation, here as there."""
_ONE = frozenset(
    """additionalProperties contains else if items not propertyNames then unevaluatedItems
    unevaluatedProperties""".split()
)
_LISTS = frozenset("allOf anyOf oneOf prefixItems".split())
_MAPS = frozenset("$defs definitions dependentSchemas patternProperties properties".split())


class UnsupportedSchema(ValueError):
    """The factories do not understand a schema, or find no value for it: make that one by hand."""


def check_known(schema: Mapping[str, Any]) -> None:
    """Refuse the keywords that change what others mean. Raises UnsupportedSchema."""
    if unknown := sorted(_REFUSED & schema.keys()):
        names = ", ".join(unknown)
        raise UnsupportedSchema(f"the factories do not understand {names}: make this value by hand")


def target_of(root: Any, reference: str) -> Any:
    """Find what a `$ref` stands for: `#/$defs/name`, `#name`, or an artifact. Raises UnsupportedSchema."""
    if reference == "airlock:artifact":
        return ARTIFACT
    if not reference.startswith("#"):
        raise UnsupportedSchema(f"{reference} leads out of the schema")
    fragment = unquote(reference[1:])
    if fragment and not fragment.startswith("/"):
        return _anchored(root, fragment)
    found = root
    for token in fragment.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            raise UnsupportedSchema(f"{reference} leads nowhere")
    return found


def dependents(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what must hold as soon as a property is there: its name, and a schema of the whole object.

    `dependencies` is the older spelling of both; Airlock heeds it still.
    """
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, needs in schema.get(keyword, {}).items():
            yield name, {"required": needs} if isinstance(needs, list) else needs


def _anchored(root: Any, name: str) -> Any:
    for schema in _subschemas(root):
        if schema.get("$anchor") == name:
            return schema
    raise UnsupportedSchema(f"#{name} leads nowhere")


def _subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return
    yield schema
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield from _subschemas(value)
        elif keyword in _LISTS and isinstance(value, list):
            for one in value:
                yield from _subschemas(one)
        elif keyword in _MAPS and isinstance(value, Mapping):
            for one in value.values():
                yield from _subschemas(one)
