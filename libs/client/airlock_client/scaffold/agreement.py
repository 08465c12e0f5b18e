"""Whether a manifest and the functions behind it agree: it may be narrower, and never say another thing."""

from collections.abc import Iterator, Mapping
from typing import Any

_AT_LEAST = ("minimum", "minLength", "minItems")
_AT_MOST = ("maximum", "maxLength", "maxItems")
_MAX_DEPTH = 32

Schema = Any


def disagreements(
    derived: Mapping[str, Mapping[str, Any]], actions: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Say where `agent.yaml` and the functions disagree, each with its place; empty where they agree."""
    found = [f"actions.{name}: main has no such action" for name in actions if name not in derived]
    found += [f"actions.{name}: agent.yaml lacks it" for name in derived if name not in actions]
    for name, one in derived.items():
        for field in ("input_schema", "output_schema"):
            if name in actions and one.get(field) is not None:
                comparing = _Comparing(one[field], actions[name][field], takes=field == "input_schema")
                found += comparing.lines(f"actions.{name}.{field}")
    return found


class _Comparing:
    """One schema as its function has it, and as the manifest has it."""

    def __init__(self, derived: Schema, written: Schema, *, takes: bool) -> None:
        self._derived = derived
        self._written = written
        self._takes = takes
        """An input: what the manifest lets through, the function must take. Else the other way round."""
        self._seen: set[tuple[int, int]] = set()
        """Pairs that were compared: a type that holds itself twice has a path for every walk through it."""

    def lines(self, place: str) -> Iterator[str]:
        return self._compare(self._derived, self._written, place, 0)

    def _compare(self, derived: Schema, written: Schema, place: str, depth: int) -> Iterator[str]:
        derived, written = _resolved(self._derived, derived), _resolved(self._written, written)
        pair = (id(derived), id(written))
        if pair in self._seen or depth > _MAX_DEPTH or derived in ({}, True):
            return
        self._seen.add(pair)
        if not isinstance(written, dict):
            yield f"{place}: is {str(written).lower()} in agent.yaml"
            return
        if "$ref" in derived:  # airlock:artifact: nothing else is left
            if written.get("$ref") != derived["$ref"]:
                yield f"{place}: is an artifact in the function ($ref: {derived['$ref']})"
            return
        if "type" in derived and _types(derived) != _types(written):
            ours, theirs = _spelled(_types(derived)), _spelled(_types(written))
            yield f"{place}: is {ours} in the function, {theirs} in agent.yaml"
            return
        yield from self._compare_values(derived, written, place)
        yield from self._compare_properties(derived, written, place, depth)
        if "items" in derived and (self._takes or "items" in written):
            yield from self._compare(derived["items"], written.get("items", {}), f"{place}[]", depth + 1)
        choices, others = derived.get("anyOf", []), written.get("anyOf", [])
        if len(choices) != len(others):
            yield f"{place}: has {len(choices)} choices in the function, {len(others)} in agent.yaml"
        for index, (one, other) in enumerate(zip(choices, others, strict=False)):
            yield from self._compare(one, other, f"{place}.anyOf[{index}]", depth + 1)

    def _compare_values(self, derived: Schema, written: Schema, place: str) -> Iterator[str]:
        if "enum" in derived:
            ours, theirs = derived["enum"], written.get("enum")
            inner, outer = (theirs, ours) if self._takes else (ours, theirs)
            if inner is None or (outer is not None and any(one not in outer for one in inner)):
                yield f"{place}: is one of {ours} in the function, {theirs or 'anything'} in agent.yaml"
        if not self._takes:
            return
        for keyword in (*_AT_LEAST, *_AT_MOST, "pattern"):
            if keyword in derived and not _as_narrow(keyword, derived[keyword], written.get(keyword)):
                said = f"{keyword} {derived[keyword]}"
                yield f"{place}: has {said} in the function, {written.get(keyword, 'none')} in agent.yaml"

    def _compare_properties(self, derived: Schema, written: Schema, place: str, depth: int) -> Iterator[str]:
        ours, theirs = derived.get("properties"), written.get("properties", {})
        if ours is None:
            return
        yield from (f"{place}.{name}: the function does not know it" for name in theirs if name not in ours)
        needed, promised = derived.get("required", []), written.get("required", [])
        spoken_of = needed if self._takes else ours  # an input that may be left out may be left out here
        yield from (f"{place}.{name}: agent.yaml lacks it" for name in spoken_of if name not in theirs)
        if self._takes:
            missing = [name for name in needed if name in theirs and name not in promised]
            yield from (f"{place}.{name}: the function needs it; it is not required here" for name in missing)
            if written.get("additionalProperties", True) is not False:
                yield f"{place}: the function takes no other properties (additionalProperties: false)"
        else:
            loose = [name for name in promised if name in ours and name not in needed]
            yield from (f"{place}.{name}: is required here; the function may leave it out" for name in loose)
        for name in ours:
            if name in theirs:
                yield from self._compare(ours[name], theirs[name], f"{place}.{name}", depth + 1)


def _resolved(root: Schema, schema: Schema) -> Schema:
    """What a local reference stands for."""
    for _ in range(_MAX_DEPTH):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        schema = root
        for token in reference[1:].split("/")[1:]:
            schema = schema.get(token, {}) if isinstance(schema, dict) else {}
    return schema


def _types(schema: Schema) -> frozenset[str]:
    named = schema.get("type", [])
    return frozenset([named] if isinstance(named, str) else named)


def _spelled(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _as_narrow(keyword: str, ours: Any, theirs: Any) -> bool:
    if theirs is None:
        return False
    if keyword in _AT_LEAST:
        return bool(theirs >= ours)
    return bool(theirs <= ours) if keyword in _AT_MOST else True
