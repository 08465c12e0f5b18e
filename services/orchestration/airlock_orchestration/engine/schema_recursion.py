"""Whether a recursive schema may double its work with each level of a value.

It may when it leads to itself, for the same value and the same member, by two ways: then each level asks
twice what the level below costs. A tree (`left` and `right`) does not, nor does "any JSON" (`items` in one
branch, `additionalProperties` in another). For those, checking takes time in proportion to the value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .schema_graph import SchemaGraph, subschemas

MAX_ROUTES = 1000
"""Ways through the branches of one subschema; more counts as doubling."""

_ALL_MEMBERS = ("additionalProperties", "unevaluatedProperties")
_ALL_ELEMENTS = ("items", "unevaluatedItems")


@dataclass(slots=True)
class _Ways:
    """By which members a value's subschemas lead on into recursion."""

    names: set[str | int] = field(default_factory=set)
    every: int = 0
    """Ways that any member may take."""

    def add(self, names: set[str | int], every: int) -> bool:
        """Take another subschema's ways; answer whether one member now has two."""
        both = bool(self.names & names) or bool(every and self.names) or bool(self.every and names)
        # Only now: within one subschema its names and `every` other member exclude each other.
        self.names |= names
        self.every += every
        return both or self.every > 1


def may_double(graph: SchemaGraph) -> bool:
    """Whether the cost of checking a value may grow faster than the value; errs towards yes."""
    recursive = _recursive(graph)
    return any(
        _has_two_ways(graph, schema, recursive)
        for _, schema in subschemas(graph.root)
        if id(schema) in recursive
    )


def is_recursive(graph: SchemaGraph) -> bool:
    """Whether it reaches itself at all, so that only the value's depth ends a check."""
    return bool(_recursive(graph))


def _recursive(graph: SchemaGraph) -> set[int]:
    """The subschemas from which a circle of references can be reached."""
    nodes = {id(schema): schema for _, schema in subschemas(graph.root) if isinstance(schema, dict)}
    leaving = {
        key: [id(inner) for inner in (*graph.in_place(schema), *graph.children(schema)) if id(inner) in nodes]
        for key, schema in nodes.items()
    }
    entering: dict[int, list[int]] = {key: [] for key in nodes}
    for key, inner in leaving.items():
        for target in inner:
            entering[target].append(key)
    count = {key: len(inner) for key, inner in leaving.items()}
    ending = [key for key, left in count.items() if left == 0]
    while ending:
        for key in entering[ending.pop()]:
            count[key] -= 1
            if count[key] == 0:
                ending.append(key)
    return {key for key, left in count.items() if left}


def _has_two_ways(graph: SchemaGraph, start: object, recursive: set[int]) -> bool:
    members, elements = _Ways(), _Ways()
    stack, routes = [start], 0
    while stack:
        schema = stack.pop()
        routes += 1
        if routes > MAX_ROUTES:
            return True
        assert isinstance(schema, dict)  # what has an inside: nothing else is in `recursive`
        if _own_ways(schema, recursive, members, elements):
            return True
        stack.extend(inner for inner in graph.in_place(schema) if id(inner) in recursive)
    return False


def _own_ways(schema: Mapping[str, Any], recursive: set[int], members: _Ways, elements: _Ways) -> bool:
    """Add one subschema's own ways; within it, named members and all others exclude each other."""

    def leads_on(keyword: str) -> bool:
        return id(schema.get(keyword)) in recursive

    names = {name for name, inner in schema.get("properties", {}).items() if id(inner) in recursive}
    places = {index for index, inner in enumerate(schema.get("prefixItems", [])) if id(inner) in recursive}
    patterns = sum(id(inner) in recursive for inner in schema.get("patternProperties", {}).values())
    every = sum(map(leads_on, _ALL_MEMBERS))
    others = sum(map(leads_on, _ALL_ELEMENTS))
    if (patterns and names) or (places and leads_on("contains")):
        return True  # a pattern may match a member that is named, and `contains` looks at every element
    two_members = members.add(set(names), every + patterns)
    two_elements = elements.add(set(places), others + leads_on("contains"))
    return two_members or two_elements
