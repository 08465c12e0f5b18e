"""Types that hold each other through unions agree exactly where no walk through them finds a difference."""

import copy
import json
from random import Random
from typing import Any

import pytest
from airlock_client.scaffold import agreement
from airlock_client.scaffold.agreement import disagreements

Schema = dict[str, Any]
PLAIN = ["integer", "string", "null", "number"]


def some_types(chance: Random) -> Schema:
    """A document of two to four types that hold each other."""
    names = [f"Type{index}" for index in range(chance.choice([2, 3, 4]))]

    def held(depth: int = 0) -> Schema:
        kind = chance.random()
        if kind < 0.35:
            return {"$ref": f"#/$defs/{chance.choice(names)}"}
        if kind < 0.75 and depth < 2:
            return {"anyOf": [held(depth + 1) for _ in range(chance.choice([2, 2, 3]))]}
        return {"type": chance.choice(PLAIN)}

    def one() -> Schema:
        properties = {name: held() for name in chance.sample(["a", "b", "c"], chance.choice([1, 2, 2]))}
        if chance.random() < 0.5:
            properties["op"] = {"const": chance.choice("xy")}
        return closed(properties)

    return closed({"root": held()}) | {"$defs": {name: one() for name in names}}


def closed(properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(properties),
    }


def changed(chance: Random, part: Any) -> Any:
    """The same in another order, with a choice more here and another type there."""
    if isinstance(part, list):
        return [changed(chance, one) for one in part]
    if not isinstance(part, dict):
        return part
    part = {name: changed(chance, one) for name, one in part.items()}
    if "anyOf" in part and chance.random() < 0.3:
        chance.shuffle(part["anyOf"])
    if "anyOf" in part and chance.random() < 0.1:
        part["anyOf"].append({"type": "null"})
    if part.get("type") in PLAIN and chance.random() < 0.1:
        part["type"] = chance.choice(PLAIN)
    return part


class Slowly:
    """Walks all pairs again and again, each time with those refused that were found to differ."""

    def __init__(self, derived: Schema, written: Schema) -> None:
        self.documents = derived, written
        self.refused: set[str] = set()
        self.met: set[str] = set()

    def agree(self) -> bool:
        while True:
            before, self.met = len(self.refused), set()
            agree = self.pair(*self.documents)
            if not agree or len(self.refused) == before:
                return agree

    def pair(self, *pair: Schema) -> bool:
        derived, written = (
            document["$defs"][one["$ref"].removeprefix("#/$defs/")] if "$ref" in one else one
            for document, one in zip(self.documents, pair, strict=True)
        )
        words = json.dumps([derived, written])
        if words not in self.met | self.refused:
            self.met.add(words)
            if not self.inside(derived, written):
                self.refused.add(words)
        return words not in self.refused

    def inside(self, derived: Schema, written: Schema) -> bool:
        if "anyOf" in derived or "anyOf" in written:
            ours, theirs = derived.get("anyOf", [derived]), written.get("anyOf", [written])
            return all(any(self.pair(our, their) for our in ours) for their in theirs)
        if "const" in derived or "const" in written:
            return derived == written
        if (derived["type"], written["type"]) == ("number", "integer"):
            return True
        ours, theirs = derived.get("properties", {}), written.get("properties", {})
        same = derived["type"] == written["type"] and ours.keys() == theirs.keys()
        return same and all(self.pair(ours[name], theirs[name]) for name in ours)


def test_the_verdict_is_that_of_every_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "_MAX_COMPARISONS", 500)
    verdicts = []
    for seed in range(1000):
        chance = Random(seed)
        derived = some_types(chance)
        written = changed(chance, copy.deepcopy(derived))
        found = disagreements({"go": {"input_schema": derived}}, {"go": {"input_schema": written}})
        assert (found == []) == Slowly(derived, written).agree(), (seed, found)
        verdicts.append(found == [])
    assert 200 < sum(verdicts) < 900
