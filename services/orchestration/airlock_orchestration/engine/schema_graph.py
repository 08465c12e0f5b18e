"""A JSON Schema seen as a graph of subschemas: where they stand, where their references lead, what they cost.

The keyword tables say which values inside a schema are schemas and which are data; `$ref` inside data is no
reference. Source: JSON Schema 2020-12 core, sections 10 and 11, and validation, section 6.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any] | bool

IN_PLACE_ONE = ("not", "if", "then", "else")
IN_PLACE_LIST = ("allOf", "anyOf", "oneOf")
IN_PLACE_MAP = ("dependentSchemas",)
CHILD_ONE = (
    "additionalProperties",
    "items",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
    "propertyNames",
    "contentSchema",
)
CHILD_LIST = ("prefixItems",)
CHILD_MAP = ("properties", "patternProperties")
SHELF = ("$defs", "definitions")
_OTHER_MEMBERS = ("additionalProperties", "unevaluatedProperties")
_OTHER_ELEMENTS = ("items", "unevaluatedItems")
_ONE = frozenset({*IN_PLACE_ONE, *CHILD_ONE})
_LIST = frozenset({*IN_PLACE_LIST, *CHILD_LIST})
_MAP = frozenset({*IN_PLACE_MAP, *CHILD_MAP, *SHELF})


def map_inner(keyword: str, value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a keyword's value with each subschema right below it changed; data stays as it is."""
    if keyword in _ONE:
        return change(value)
    if keyword in _LIST and isinstance(value, list):
        return [change(child) for child in value]
    if keyword in _MAP and isinstance(value, dict):
        return {name: change(child) for name, child in value.items()}
    return value


def escape(token: str | int) -> str:
    """Write one token of a JSON pointer (RFC 6901)."""
    return str(token).replace("~", "~0").replace("/", "~1")


def subschemas(root: object) -> Iterator[tuple[str, object]]:
    """Yield every subschema with its JSON pointer, the root first; references are not followed.

    What stands under `const`, `enum`, or a keyword that the dialect does not know is data.
    """
    stack: list[tuple[str, object]] = [("", root)]
    while stack:
        pointer, schema = stack.pop()
        yield pointer, schema
        if not isinstance(schema, dict):
            continue
        inner: list[tuple[str, object]] = []
        for keyword, value in schema.items():
            here = f"{pointer}/{escape(keyword)}"
            if keyword in _ONE:
                inner.append((here, value))
            elif keyword in _LIST and isinstance(value, list):
                inner.extend((f"{here}/{index}", child) for index, child in enumerate(value))
            elif keyword in _MAP and isinstance(value, dict):
                inner.extend((f"{here}/{escape(name)}", child) for name, child in value.items())
        stack.extend(reversed(inner))


def anchors(root: object) -> dict[str, object]:
    """Return the subschemas that have an `$anchor`, by its name."""
    return {
        schema["$anchor"]: schema
        for _, schema in subschemas(root)
        if isinstance(schema, dict) and isinstance(schema.get("$anchor"), str)
    }


def follow(root: object, reference: str, named: Mapping[str, object]) -> object | None:
    """Return the subschema that a local reference (`#`, `#/pointer`, `#anchor`) leads to, or None."""
    fragment = unquote(reference.removeprefix("#"))
    if not fragment:
        return root
    if not fragment.startswith("/"):
        return named.get(fragment)
    value: object = root
    for token in fragment[1:].split("/"):
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


class SchemaGraph:
    """The subschemas of one document and how validation walks from one to the next."""

    def __init__(self, root: object) -> None:
        self.root = root
        self._anchors = anchors(root)

    def target(self, schema: Mapping[str, Any]) -> object | None:
        """Return what the subschema's own `$ref` leads to, or None where it has none."""
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        return follow(self.root, reference, self._anchors)

    def in_place(self, schema: Mapping[str, Any]) -> Iterator[object]:
        """Yield the schemas that are applied to the same value."""
        if (target := self.target(schema)) is not None:
            yield target
        yield from _inner(schema, IN_PLACE_ONE, IN_PLACE_LIST, IN_PLACE_MAP)

    def children(self, schema: Mapping[str, Any]) -> Iterator[object]:
        """Yield the schemas that are applied to the members of a value."""
        yield from _inner(schema, CHILD_ONE, CHILD_LIST, CHILD_MAP)

    def weight(self) -> int | None:
        """Count the subschemas with each reference written out in full; None where that never ends.

        The number may be astronomical: twenty references to twenty references, and so on.
        """
        weights: dict[int, int] = {}
        open_: set[int] = set()
        stack: list[tuple[object, bool]] = [(self.root, False)]
        while stack:
            schema, leaving = stack.pop()
            key = id(schema)
            inner = [*self.in_place(schema), *self.children(schema)] if isinstance(schema, dict) else []
            if leaving:
                open_.discard(key)
                weights[key] = 1 + sum(weights[id(child)] for child in inner if isinstance(child, dict))
            elif key in open_:
                return None
            elif isinstance(schema, dict) and key not in weights:
                open_.add(key)
                stack.append((schema, True))
                stack.extend((child, False) for child in inner if isinstance(child, dict))
        return weights.get(id(self.root), 1)

    def cost(self, value: object, limit: int) -> int:
        """Bound how many subschemas checking this very value applies; stops counting at `limit`.

        A schema that refers to itself twice for the same member doubles its work with each level of
        the value. Nothing is skipped here that a validator might skip, so this is an upper bound.
        """
        costs: dict[tuple[int, int], int] = {}
        stack: list[tuple[object, object, bool]] = [(self.root, value, False)]
        while stack:
            schema, member, leaving = stack.pop()
            key = (id(schema), id(member))
            if not leaving and key in costs:
                continue
            pairs = list(self._applied(schema, member))
            if leaving:
                costs[key] = min(limit, 1 + sum(costs[id(inner), id(to)] for inner, to in pairs))
            elif len(costs) + len(stack) + len(pairs) > limit:
                return limit
            else:
                costs[key] = 0
                stack.append((schema, member, True))
                stack.extend((inner, to, False) for inner, to in pairs)
        return costs[id(self.root), id(value)]

    def _applied(self, schema: object, value: object) -> Iterator[tuple[object, object]]:
        if not isinstance(schema, dict):
            return
        for inner in self.in_place(schema):
            yield inner, value
        if isinstance(value, dict):
            named = schema.get("properties", {})
            yield from ((inner, value[name]) for name, inner in named.items() if name in value)
            for inner in _inner(schema, _OTHER_MEMBERS, (), ()):
                yield from ((inner, member) for name, member in value.items() if name not in named)
            for inner in _inner(schema, (), (), ("patternProperties",)):
                yield from ((inner, member) for member in value.values())
        elif isinstance(value, list):
            first = schema.get("prefixItems", [])
            yield from zip(first, value, strict=False)
            for inner in _inner(schema, _OTHER_ELEMENTS, (), ()):
                yield from ((inner, member) for member in value[len(first) :])
            for inner in _inner(schema, ("contains",), (), ()):
                yield from ((inner, member) for member in value)

    def endless(self) -> bool:
        """Whether a schema is applied to a value by way of itself, so that checking would never end."""
        state: dict[int, bool] = {}
        for _, start in subschemas(self.root):
            stack: list[tuple[object, bool]] = [(start, False)]
            while stack:
                schema, leaving = stack.pop()
                if not isinstance(schema, dict):
                    continue
                key = id(schema)
                if leaving:
                    state[key] = True
                elif key not in state:
                    state[key] = False
                    stack.append((schema, True))
                    stack.extend((child, False) for child in self.in_place(schema))
                elif not state[key]:
                    return True
        return False


def _inner(
    schema: Mapping[str, Any], ones: tuple[str, ...], lists: tuple[str, ...], maps: tuple[str, ...]
) -> Iterator[object]:
    for keyword in ones:
        if keyword in schema:
            yield schema[keyword]
    for keyword in lists:
        if isinstance(found := schema.get(keyword), list):
            yield from found
    for keyword in maps:
        if isinstance(found := schema.get(keyword), dict):
            yield from found.values()
