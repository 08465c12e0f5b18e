"""Values that satisfy a JSON Schema: one example, the same each time, or a seeded variety of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from airlock_sdk.testing.keywords import UnsupportedSchema
from airlock_sdk.testing.matching import exact, judge, mismatch, same
from airlock_sdk.testing.patterns import text_matching
from airlock_sdk.testing.shape import DeadEnd, Shape, all_of, shape_of, simplest

_TRIES = 200
_MAX_DEPTH = 12  # beyond it only what is required is made, so that a recursive schema ends
_WORDS = ("a", "text", "src/main.py", "two words", "Zürich", "x" * 40, "<b>&amp;</b>", "line\nbreak", "0", "")
_MOST_ITEMS = 4
_NAMES_TRIED = 20
_LARGE = 2**53  # from here on, floats skip integers
_TYPES = ("object", "string", "integer", "array", "boolean", "null", "number")


def example(schema: Mapping[str, Any], **given: Any) -> Any:
    """Make the simplest value of a schema: only what is required, the first choice, the least bound.

    `given` replaces or adds properties of the value. Raises UnsupportedSchema where it finds no value, with
    the reason, and ValueError where what was given breaks the schema.
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
            except DeadEnd as end:
                last = str(end)
                continue
            problem = mismatch(schema, value)
            if problem is None:
                yield json.loads(json.dumps(value))
                break
            last = problem
        else:
            raise UnsupportedSchema(f"found no value in {_TRIES} tries ({last}): make this one by hand")


class _Making:
    """One value in the making; without `chance` each choice is the first."""

    def __init__(self, root: Any, chance: Random | None) -> None:
        self._root = root
        self._chance = chance

    def value(self, schema: Any, depth: int) -> Any:
        choose = self._pick if depth < _MAX_DEPTH else simplest
        shape = shape_of(self._root, schema, choose, lambda: depth < _MAX_DEPTH and self._maybe())
        if shape.enum is not None:
            return self._enum(shape, schema)
        match self._type(shape, depth):
            case "object":
                return self._object(shape, depth)
            case "array":
                return self._array(shape, depth)
            case "string":
                return self._string(shape)
            case "integer":
                return self._number(shape, whole=True)
            case "number":
                return self._number(shape, whole=False)
            case "boolean":
                return bool(self._pick([False, True]))
            case _:
                return None

    def _type(self, shape: Shape, depth: int) -> str:
        if shape.types == []:
            raise DeadEnd("no type is left")
        if shape.types:
            return str(self._pick(shape.types))
        likely = shape.likely_type()
        if likely is None:
            return str(self._pick(_TYPES)) if depth < _MAX_DEPTH else "null"
        # What speaks of one type allows every other: now and then it is one of those.
        elsewhere = self._chance is not None and self._chance.random() < 0.1
        return str(self._pick(_TYPES)) if elsewhere else likely

    def _enum(self, shape: Shape, schema: Any) -> Any:
        fitting = [one for one in shape.enum or () if shape.fits(one) and self._holds(schema, one)]
        if not fitting:
            raise DeadEnd("nothing of an enum is left")
        return self._pick(fitting)

    def _holds(self, schema: Any, value: Any) -> bool:
        return not judge(self._root, schema, value).problems

    def _object(self, shape: Shape, depth: int) -> dict[str, Any]:
        least, upmost = int(shape.bounds.get("minProperties", 0)), shape.upper("maxProperties")
        wanted = list(shape.required)
        optional = [name for name in shape.named() if name not in wanted and self._may_be(shape, name)]
        for name in optional:
            if len(wanted) < upmost and depth < _MAX_DEPTH and self._maybe():
                wanted.append(name)
        for name in optional:
            if len(wanted) < least and name not in wanted:
                wanted.append(name)
        more = least - len(wanted)
        if more <= 0 and len(wanted) < upmost and depth < _MAX_DEPTH and self._has_others(shape):
            more = int(self._maybe())
        for number in range(_NAMES_TRIED * max(0, more)):
            if more <= 0:
                break
            name = self._other_name(shape, number)
            if name not in wanted and self._may_be(shape, name):
                wanted.append(name)
                more -= 1
        return {name: self.value(shape.property(name), depth + 1) for name in wanted}

    def _may_be(self, shape: Shape, name: str) -> bool:
        return shape.property(name) is not False and all(self._holds(one, name) for one in shape.names)

    def _has_others(self, shape: Shape) -> bool:
        """Whether it speaks of properties that it does not name."""
        others = [part.get("patternProperties") or part.get("additionalProperties") for part in shape.parts]
        return any(isinstance(one, Mapping) and one for one in others) or bool(shape.names)

    def _other_name(self, shape: Shape, number: int) -> str:
        """A property that no schema names: as they say of names and patterns, or else any."""
        patterns = [pattern for part in shape.parts for pattern in part.get("patternProperties", {})]
        said = [all_of(shape.names)] if shape.names else [{"pattern": pattern} for pattern in patterns]
        # Every third is a plain one: what is said of names may allow none that is not there already.
        if not said or number % 3 == 2:
            return f"name{number}" if number else "name"
        named = all_of([{"type": "string"}, said[number % len(said)]])
        # Without chance the simplest comes first; another one is needed where that is taken.
        simple = self._chance is None and number >= len(said)
        making = _Making(self._root, Random(number)) if simple else self  # noqa: S311 -- as above
        return str(making.value(named, 0))

    def _array(self, shape: Shape, depth: int) -> list[Any]:
        within = [wanted for wanted, least in shape.contains for _ in range(least)]
        first = max((len(part.get("prefixItems", ())) for part in shape.parts), default=0)
        least = int(shape.bounds.get("minItems", 0))
        upmost = int(min(shape.upper("maxItems"), max(least, first + len(within)) + _MOST_ITEMS))
        # A tuple is shown whole, though it may be shorter; what is asked for beside it stands behind it.
        shown = first + len(within) if within or not self._maybe() else 0
        few = max(least, min(shown, upmost))
        count = max(least, len(within)) if depth >= _MAX_DEPTH else self._between(few, upmost)
        places = self._places(count, len(within))
        items: list[Any] = []
        for index in range(min(count, upmost)):
            wanted = within[places.index(index)] if index in places else True
            own = shape.item(index)
            if own is False and wanted is not True and self._only_unevaluated(shape, index):
                own = True  # what `contains` finds is evaluated by it
            if all_of([own, wanted]) is False:
                break
            self._add_item(items, all_of([own, wanted]), shape, depth)
        return items

    def _only_unevaluated(self, shape: Shape, index: int) -> bool:
        return not any("items" in part or index < len(part.get("prefixItems", ())) for part in shape.parts)

    def _places(self, count: int, wanted: int) -> list[int]:
        """Where those items stand that `contains` asks for: at the end, or anywhere by chance."""
        if self._chance is not None and wanted < count and self._maybe():
            return self._chance.sample(range(count), wanted)
        return list(range(max(0, count - wanted), count))

    def _add_item(self, items: list[Any], schema: Any, shape: Shape, depth: int) -> None:
        for _ in range(1 if self._chance is None else _MOST_ITEMS):
            one = self.value(schema, depth + 1)
            if not shape.unique or not any(same(one, other) for other in items):
                items.append(one)
                return
        # Where too few are left, the whole is made again.

    def _string(self, shape: Shape) -> str:
        least, upmost = int(shape.bounds.get("minLength", 0)), int(min(shape.upper("maxLength"), 10_000))
        if shape.patterns:
            return self._text(shape.patterns, least, upmost)
        word = str(self._pick(_WORDS))[:upmost]
        return word + "a" * (least - len(word))

    def _text(self, patterns: list[str], least: int, upmost: int) -> str:
        """A text for one of its patterns; or, of those that hold only one end of it, for all together."""
        open_ended = [one for one in patterns if not (one.startswith("^") and one.endswith("$"))]
        try:
            if len(open_ended) < len(patterns) or len(patterns) == 1:
                whole = [one for one in patterns if one not in open_ended]
                return text_matching(self._pick(whole or patterns), self._chance, least, upmost)
            ordered = sorted(open_ended, key=lambda one: (one.endswith("$"), not one.startswith("^")))
            return "".join(text_matching(one, self._chance, 0, upmost) for one in ordered)
        except UnsupportedSchema as error:
            raise DeadEnd(str(error)) from error

    def _number(self, shape: Shape, *, whole: bool) -> float:
        bounds, step = shape.bounds, shape.step_of(whole=whole)
        lows = [exact(bounds["minimum"])] if "minimum" in bounds else []
        lows += [exact(bounds["exclusiveMinimum"]) + step] if "exclusiveMinimum" in bounds else []
        highs = [exact(bounds["maximum"])] if "maximum" in bounds else []
        highs += [exact(bounds["exclusiveMaximum"]) - step] if "exclusiveMaximum" in bounds else []
        last = math.floor(min(highs) / step) if highs else None
        first = math.ceil(max(lows) / step) if lows else min(0, 0 if last is None else last)
        last = first + 1000 if last is None else last
        if last < first:
            raise DeadEnd("no number is left between the bounds")
        count = self._pick([first, last]) if self._chance and self._maybe() else self._between(first, last)
        made = count * step
        # As floats, large ones would lie beside the step, and the largest nowhere.
        return int(made) if whole or (abs(made) >= _LARGE and made.denominator == 1) else float(made)

    def _pick(self, choices: Any) -> Any:
        return choices[0] if self._chance is None else self._chance.choice(choices)

    def _maybe(self) -> bool:
        return self._chance is not None and self._chance.random() < 0.5

    def _between(self, low: int, high: int) -> int:
        return low if self._chance is None else self._chance.randint(low, max(low, high))
