"""The list of what a reviewer should say about the storefront is true, and its rules exist."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import yaml
from airlock_agents.builtin.code_reviewer import own_rules, ruff_rules
from airlock_agents.builtin.code_reviewer.issue import MAX_SUGGESTION, TYPES
from airlock_agents.builtin.findings.finding import MAX_MESSAGE

EXAMPLES = Path(__file__).parents[3] / "examples"
LIST = yaml.safe_load((EXAMPLES / "storefront.issues.yaml").read_text())
RULES = {**own_rules.RULES, **ruff_rules.RULES}


def test_there_is_enough_of_each_type_and_enough_that_only_looks_like_it() -> None:
    by_type = Counter(one["type"] for one in LIST["issues"])
    assert set(by_type) == set(TYPES)
    assert min(by_type.values()) >= 10
    assert len(LIST["lookalikes"]) >= 20


def test_every_place_stands_on_exactly_one_line_and_is_listed_once() -> None:
    for one in [*LIST["issues"], *LIST["lookalikes"]]:
        lines = (EXAMPLES / "storefront" / one["file"]).read_text().splitlines()
        assert sum(one["match"] in line for line in lines) == 1, one
    places = [(one["file"], one["match"]) for one in [*LIST["issues"], *LIST["lookalikes"]]]
    assert len(set(places)) == len(places)


def test_a_listed_rule_exists_and_is_of_the_type_that_is_claimed() -> None:
    for one in LIST["issues"]:
        assert all(RULES[rule].type == one["type"] for rule in one["rules"]), one


def test_what_a_rule_says_is_whole_sentences_within_bounds() -> None:
    for name, rule in RULES.items():
        assert rule.why.endswith("."), name
        assert rule.do.endswith("."), name
        assert not (rule.what or "").endswith("."), name
        assert len(rule.why) <= MAX_MESSAGE // 2, name
        assert len(rule.do) <= MAX_SUGGESTION, name
