"""Whether a manifest and the functions behind it agree.

An input's schema may be narrower than what its function takes: fewer types or choices, one constant, tighter
bounds. An output's may not be narrower in its types than what its function answers, nor lack a property; a
bound or a pattern that stands only there is the manifest's own promise.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .schema_parts import Schema, choices_of, listed_values, resolved, types_of

_AT_LEAST = ("minimum", "minLength", "minItems")
_AT_MOST = ("maximum", "maxLength", "maxItems")
_MAX_DEPTH = 64
_MAX_COMPARISONS = 20_000
"""Of two parts: more are types that nobody reads, or choices within choices."""

_Pair = tuple[str, str]


class _CannotCompare(Exception):
    """Why two schemas could not be compared."""


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
        self._seen: dict[_Pair, None] = {}
        """Pairs that agree, or are being compared: a type that holds itself is asked once."""
        self._refused: set[_Pair] = set()
        """Pairs that disagree. They were tried while others were taken to agree, so they always do."""
        self._spelled: dict[int, tuple[Schema, str]] = {}
        """Each part by its words. The parts are kept, as what is gone may lend its id to another."""
        self._count = 0
        self._trials = 0
        """How many of them go on, one within the other."""
        self._untold: list[str] = []
        """Choices that disagree by what is being compared further up, which says it."""

    def lines(self, place: str) -> list[str]:
        """Say what disagrees, or that it could not be found out."""
        try:
            return list(self._compare(self._derived, self._written, place, 0)) or self._untold
        except _CannotCompare as problem:
            return [f"{place}: could not be compared: {problem}"]

    def _compare(self, derived: Schema, written: Schema, place: str, depth: int) -> Iterator[str]:
        derived, written = resolved(self._derived, derived), resolved(self._written, written)
        pair = (self._words(derived), self._words(written))
        if pair in self._seen or derived in ({}, True):
            return
        self._step()
        if depth > _MAX_DEPTH:
            raise _CannotCompare(f"nested deeper than {_MAX_DEPTH}")
        self._seen[pair] = None
        yield from self._compare_here(derived, written, place)
        if self._have_choices(derived, written):
            yield from self._compare_choices(derived, written, place, depth)
        for ours, theirs, inner in self._parts(derived, written, place):
            yield from self._compare(ours, theirs, inner, depth + 1)

    def _step(self) -> None:
        self._count += 1
        if self._count > _MAX_COMPARISONS:
            raise _CannotCompare(f"more than {_MAX_COMPARISONS:,} comparisons")

    def _words(self, schema: Schema) -> str:
        if id(schema) not in self._spelled:
            self._spelled[id(schema)] = (schema, json.dumps(schema, sort_keys=True))
        return self._spelled[id(schema)][1]

    def _compare_here(self, derived: Schema, written: Schema, place: str) -> Iterator[str]:
        """What disagrees without a look at choices, properties and items."""
        if not isinstance(written, dict):
            yield f"{place}: is {str(written).lower()} in agent.yaml"
        elif "$ref" in derived:  # airlock:artifact: nothing else is left
            if written.get("$ref") != derived["$ref"]:
                yield f"{place}: is an artifact in the function ($ref: {derived['$ref']})"
        elif not self._fits(derived, written):
            ours, theirs = _together(types_of(derived)), _together(types_of(written))
            yield f"{place}: is {ours} in the function, {theirs} in agent.yaml"
        elif (listed := listed_values(written if self._takes else derived)) is not None:
            yield from self._compare_listed(derived, written, listed, place)
        elif not self._have_choices(derived, written):
            yield from self._compare_values(derived, written, place)
            yield from self._compare_names(derived, written, place)

    def _fits(self, derived: Schema, written: Schema) -> bool:
        """Whether what may come is of the types that are expected: an integer is a number, too."""
        if "anyOf" in derived or "anyOf" in written or "type" not in derived:
            return True
        ours, theirs = types_of(derived), types_of(written)
        inner, outer = (theirs, ours) if self._takes else (ours, theirs)
        return bool(inner) and all(one in outer or (one == "integer" and "number" in outer) for one in inner)

    def _ends_here(self, derived: Schema, written: Schema) -> bool:
        """Whether nothing inside is left to compare."""
        inner = written if self._takes else derived
        return not isinstance(written, dict) or "$ref" in derived or listed_values(inner) is not None

    def _have_choices(self, derived: Schema, written: Schema) -> bool:
        return not self._ends_here(derived, written) and ("anyOf" in derived or "anyOf" in written)

    def _compare_choices(self, derived: Schema, written: Schema, place: str, depth: int) -> Iterator[str]:
        """Each choice of the one that may come must be among those of the other."""
        ours, theirs = choices_of(derived), choices_of(written)
        inner, outer = (theirs, ours) if self._takes else (ours, theirs)
        whole = derived if self._takes else written
        for index, one in enumerate(inner):
            # The one in the same place first: it is the likeliest. Listed values may be spread over several.
            others = [*outer[index : index + 1], *outer[:index], *outer[index + 1 :]]
            if listed_values(one) is not None:
                others = [whole]
            pairs = [(other, one) if self._takes else (one, other) for other in others]
            if any(self._agree(*pair, depth + 1) for pair in pairs):
                continue
            where = f"{place}.anyOf[{index}]"
            if self._trials:
                yield where  # that it disagrees is all that is asked
                return
            kin = [pair for pair in pairs if not self._exclude(*pair)]
            if not kin and len(inner) != len(outer):
                yield f"{place}: has {len(ours)} choices in the function, {len(theirs)} in agent.yaml"
                return
            told = False
            for line in self._compare(*(kin or pairs)[0], where, depth + 1):
                told = True
                yield line
            if not told:
                self._untold.append(f"{where}: is among the choices of one side only")

    def _agree(self, derived: Schema, written: Schema, depth: int) -> bool:
        """Compare on trial, up to the first line: what was seen meanwhile counts only where they agree."""
        derived, written = resolved(self._derived, derived), resolved(self._written, written)
        pair = (self._words(derived), self._words(written))
        if pair in self._refused or (pair not in self._seen and self._exclude(derived, written)):
            self._refused.add(pair)
            return False
        before = len(self._seen)
        self._trials += 1
        agree = next(self._compare(derived, written, "", depth), None) is None
        self._trials -= 1
        if agree:
            return True
        while len(self._seen) > before:
            self._seen.popitem()
        self._refused.add(pair)
        return False

    def _exclude(self, derived: Schema, written: Schema) -> bool:
        """Whether two choices differ at a glance: in their types, their names, or a property's constant."""
        self._step()
        derived, written = resolved(self._derived, derived), resolved(self._written, written)
        if derived in ({}, True):
            return False
        if next(self._compare_here(derived, written, ""), None) is not None:
            return True
        for ours, theirs, _ in self._parts(derived, written, ""):
            ours, theirs = resolved(self._derived, ours), resolved(self._written, theirs)
            if ours not in ({}, True) and next(self._compare_here(ours, theirs, ""), None) is not None:
                return True
        return False

    def _compare_listed(
        self, derived: Schema, written: Schema, listed: list[Any], place: str
    ) -> Iterator[str]:
        """Where one side lists the values that may come, each of them must do for the other."""
        from airlock_sdk.testing import UnsupportedSchema  # here: no other command needs what it brings along
        from airlock_sdk.testing.matching import judge

        root, schema = (self._derived, derived) if self._takes else (self._written, written)
        try:
            judged = [(one, judge(root, schema, one).problems) for one in listed]
        except UnsupportedSchema as problem:
            raise _CannotCompare(str(problem)) from problem
        wrong = next(((one, problems[0]) for one, problems in judged if problems), None)
        if wrong is None:
            return
        if (ours := listed_values(derived)) is not None and (theirs := listed_values(written)) is not None:
            yield f"{place}: is one of {ours} in the function, {theirs} in agent.yaml"
        elif self._takes:
            yield f"{place}: the function does not take {wrong[0]!r} ({wrong[1]})"
        else:
            yield f"{place}: the function may answer {wrong[0]!r} ({wrong[1]})"

    def _compare_values(self, derived: Schema, written: Schema, place: str) -> Iterator[str]:
        if self._takes and (ours := listed_values(derived)) is not None:
            yield f"{place}: is one of {ours} in the function, anything in agent.yaml"
        inner, outer = (written, derived) if self._takes else (derived, written)
        for keyword in (*_AT_LEAST, *_AT_MOST, "pattern"):
            asked = keyword in outer and (self._takes or keyword in inner)
            if asked and not _as_narrow(keyword, outer[keyword], inner.get(keyword)):
                said = f"{keyword} {derived[keyword]}"
                yield f"{place}: has {said} in the function, {written.get(keyword, 'none')} in agent.yaml"

    def _compare_names(self, derived: Schema, written: Schema, place: str) -> Iterator[str]:
        ours, theirs = derived.get("properties", {}), written.get("properties", {})
        needed, promised = derived.get("required", []), written.get("required", [])
        is_map = "properties" not in derived and isinstance(derived.get("additionalProperties"), dict)
        if "properties" not in derived and not is_map:
            return
        if not is_map:
            yield from (
                f"{place}.{name}: the function does not know it" for name in theirs if name not in ours
            )
        spoken_of = needed if self._takes else ours  # an input that may be left out may be left out here
        yield from (f"{place}.{name}: agent.yaml lacks it" for name in spoken_of if name not in theirs)
        if self._takes:
            missing = [name for name in needed if name in theirs and name not in promised]
            yield from (f"{place}.{name}: the function needs it; it is not required here" for name in missing)
            if not is_map and written.get("additionalProperties", True) is not False:
                yield f"{place}: the function takes no other properties (additionalProperties: false)"
        else:
            loose = [name for name in promised if (name in ours or is_map) and name not in needed]
            yield from (f"{place}.{name}: is required here; the function may leave it out" for name in loose)
            if is_map and written.get("additionalProperties", True) is False:
                yield f"{place}: the function may answer other properties (additionalProperties: false)"

    def _parts(self, derived: Schema, written: Schema, place: str) -> Iterator[tuple[Schema, Schema, str]]:
        """What both have inside, as pairs with their places."""
        if self._ends_here(derived, written) or self._have_choices(derived, written):
            return
        if not self._fits(derived, written):
            return
        ours, theirs = derived.get("properties", {}), written.get("properties", {})
        yield from ((ours[name], theirs[name], f"{place}.{name}") for name in ours if name in theirs)
        members = derived.get("additionalProperties")
        if "properties" not in derived and isinstance(members, dict):
            yield from ((members, theirs[name], f"{place}.{name}") for name in theirs)
            others = written.get("additionalProperties", True)
            if others is not False and (self._takes or others is not True):
                yield members, {} if others is True else others, f"{place}.*"
        if "items" in derived and (self._takes or "items" in written):
            yield derived["items"], written.get("items", {}), f"{place}[]"


def _together(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _as_narrow(keyword: str, outer: Any, inner: Any) -> bool:
    if inner is None:
        return False
    if keyword in _AT_LEAST:
        return bool(inner >= outer)
    return bool(inner <= outer) if keyword in _AT_MOST else True
