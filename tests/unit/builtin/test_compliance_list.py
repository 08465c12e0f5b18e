"""The list of planted violations is true: each place exists, once, and each rule is one of ours."""

from __future__ import annotations

from pathlib import Path

import yaml
from airlock_agents.builtin.compliance_checker.rules.catalogue import RULES

EXAMPLES = Path(__file__).parents[3] / "examples"
LIST = yaml.safe_load((EXAMPLES / "storefront.violations.yaml").read_text())


def test_every_place_stands_on_exactly_one_line_or_is_missing() -> None:
    for one in [*LIST["flaws"], *LIST["lookalikes"]]:
        path = EXAMPLES / "storefront" / one["file"]
        if one.get("missing"):
            assert not path.exists(), one
            continue
        lines = path.read_text().splitlines()
        fits = [one["match"] == line if one.get("exact") else one["match"] in line for line in lines]
        assert sum(fits) == 1, one


def test_there_are_enough_of_both_to_measure() -> None:
    assert len(LIST["flaws"]) >= 45
    assert len(LIST["lookalikes"]) >= 20


def test_no_place_is_a_violation_and_harmless() -> None:
    places = [(one["file"], one.get("match")) for one in [*LIST["flaws"], *LIST["lookalikes"]]]
    assert len(set(places)) == len(places)


def test_every_rule_that_is_listed_exists() -> None:
    named = {rule for one in [*LIST["flaws"], *LIST["also"]] for rule in one["rules"]}
    assert named <= RULES.keys()
