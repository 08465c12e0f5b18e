"""The list of planted flaws is true: each place exists, once, in an application that can be parsed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import yaml

EXAMPLES = Path(__file__).parents[3] / "examples"
LIST = yaml.safe_load((EXAMPLES / "storefront.flaws.yaml").read_text())


def test_there_are_at_least_25_flaws_and_10_lookalikes() -> None:
    assert len(LIST["flaws"]) >= 25
    assert len(LIST["lookalikes"]) >= 10


def test_every_place_stands_on_exactly_one_line() -> None:
    for one in [*LIST["flaws"], *LIST["lookalikes"]]:
        lines = (EXAMPLES / "storefront" / one["file"]).read_text().splitlines()
        assert sum(one["match"] in line for line in lines) == 1, one


def test_no_line_is_a_flaw_and_harmless() -> None:
    places = [(one["file"], one["match"]) for one in [*LIST["flaws"], *LIST["lookalikes"]]]
    assert len(set(places)) == len(places)


def test_the_application_does_not_tell_where_its_flaws_are() -> None:
    for path in (EXAMPLES / "storefront").rglob("*.py"):
        text = path.read_text()
        ast.parse(text)
        assert not re.search(r"(?i)\bflaw|vulnerab|insecure|lookalike", text), path


def test_no_secret_in_it_has_the_shape_of_a_provider_s() -> None:
    shapes = r"AKIA[0-9A-Z]{16}|gh[pousr]_\w{30}|sk_live_|xox[bap]-|AIza[\w-]{30}|eyJ[\w-]+\.eyJ"
    for path in (EXAMPLES / "storefront").rglob("*"):
        if path.is_file():
            assert not re.search(shapes, path.read_text()), path
