"""What an agent says of the storefront, measured against the list of what is planted there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[3] / "examples"
SHOP = EXAMPLES / "storefront"

Row = Mapping[str, Any]  # of a list, or of an output


@dataclass(frozen=True, slots=True)
class Planted:
    """A list: what the rules claim to find, what is beyond them, what only looks like it, what else is so."""

    claimed: Sequence[Row]
    beyond: Sequence[Row]
    lookalikes: Sequence[Row]
    also: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Measured:
    """How an output compares with a list."""

    planted: Planted
    missed: Sequence[Row]
    alarms: Sequence[Row]
    unlisted: Sequence[Row]  # told, and not in the list
    misjudged: Sequence[Row]  # found, and not as severe as the list has it

    @property
    def recall(self) -> float:
        """Answer the part of what is claimed that was found; by how the list is made it is 1, or worse."""
        return self._found / len(self.planted.claimed)

    @property
    def recall_of_all(self) -> float:
        """Answer the part of all that is planted that was found, what is beyond the rules included."""
        return self._found / (len(self.planted.claimed) + len(self.planted.beyond))

    @property
    def _found(self) -> int:
        return len(self.planted.claimed) - len(self.missed)

    def told(self, agent: str) -> str:
        """Say it for whoever reads the output of the tests."""
        claimed, beyond, lookalikes = map(
            len, (self.planted.claimed, self.planted.beyond, self.planted.lookalikes)
        )
        judged = sum("told" in one for one in self.planted.claimed) + len(self.misjudged)
        lines = [
            f"{agent} on the storefront: recall {self.recall:.3f} of the {claimed} that its rules claim,",
            f"  {self.recall_of_all:.3f} of all {claimed + beyond} that are planted;",
            f"  {len(self.alarms)} of {lookalikes} lookalikes are false alarms;",
            f"  {judged} found at another severity than a person gave them",
            *(f"  missed: {one['file']} {one.get('match')!r}" for one in self.missed),
            *(f"  false alarm: {one['file']} {one['match']!r}: {one['why']}" for one in self.alarms),
            *(f"  misjudged: {one['file']} {one.get('match')!r}" for one in self.misjudged),
        ]
        return "\n".join(lines)


def planted(name: str, key: str = "flaws") -> Planted:
    """Read a list of the examples; `key` is what it calls what is to be found."""
    document = yaml.safe_load((EXAMPLES / name).read_text())
    rows = document[key]
    return Planted(
        [one for one in rows if one["rules"]],
        [one for one in rows if not one["rules"]],
        document["lookalikes"],
        document.get("also", ()),
    )


def line_of(one: Row) -> int | None:
    """Answer the line on which a row of a list stands; what is missing stands on none."""
    if one.get("missing"):
        return None
    if "line" in one:
        return int(one["line"])
    lines = (SHOP / one["file"]).read_text().splitlines()
    fits = (one["match"] == line if one.get("exact") else one["match"] in line for line in lines)
    return next(number for number, fit in enumerate(fits, start=1) if fit)


def found(one: Row, told: Sequence[Row]) -> list[Row]:
    """Answer what is told of the place of a row."""
    line = line_of(one)
    return [each for each in told if each["file"] == one["file"] and each["line"] == line]


def by_rule(one: Row, each: Row) -> bool:
    """Tell whether what is told of a row's place is what it asks for."""
    return each["rule"] in one["rules"]


def as_severe(one: Row, each: Row) -> bool:
    """Tell whether it has the severity that a row gives it, or the one that is known to differ (`told`)."""
    return bool(each["severity"] == one.get("told", one["severity"]))


def measured(
    planted: Planted, told: Sequence[Row], *, fits: Callable[[Row, Row], bool] = by_rule
) -> Measured:
    """Compare what is told with a list; `fits` says whether it is what a row asks for."""
    listed = [*planted.claimed, *planted.beyond, *planted.lookalikes, *planted.also]
    places = {(one["file"], line_of(one)) for one in listed}
    fitting = [(one, [each for each in found(one, told) if fits(one, each)]) for one in planted.claimed]
    return Measured(
        planted,
        missed=[one for one, there in fitting if not there],
        misjudged=[
            one for one, there in fitting if there and not any(as_severe(one, each) for each in there)
        ],
        alarms=[one for one in planted.lookalikes if found(one, told)],
        unlisted=[each for each in told if (each["file"], each["line"]) not in places],
    )
