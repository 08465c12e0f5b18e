"""What a tool would put in the place of what: exact where it is shown, and never a secret."""

from __future__ import annotations

from typing import Any

import pytest
from airlock_agents.builtin.code_reviewer.issue import Replacement
from airlock_agents.builtin.code_reviewer.replacement import may_be_shown, replacement

LINES = ["import os", "import sys, json", "x = f'plain'", "y = 1"]


def edit(begin: tuple[int, int], end: tuple[int, int], content: str) -> dict[str, Any]:
    return {
        "location": {"row": begin[0], "column": begin[1]},
        "end_location": {"row": end[0], "column": end[1]},
        "content": content,
    }


def test_an_edit_within_a_line_answers_the_whole_line() -> None:
    assert replacement([edit((3, 5), (3, 6), "")], LINES) == Replacement(3, 3, "x = 'plain'")


def test_a_line_that_goes_is_replaced_by_nothing() -> None:
    assert replacement([edit((1, 1), (2, 1), "")], LINES) == Replacement(1, 1, "")


def test_several_edits_are_applied_at_once() -> None:
    edits = [edit((1, 8), (1, 10), "re"), edit((2, 11), (2, 17), "")]
    assert replacement(edits, LINES) == Replacement(1, 2, "import re\nimport sys")


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [edit((9, 1), (9, 2), "")],
        [edit((1, 1), (1, 500), "")],
        [edit((1, 1), (1, 2), "a" * 2_001)],
    ],
)
def test_what_does_not_fit_is_left_out(edits: list[dict[str, Any]]) -> None:
    assert replacement(edits, LINES) is None


@pytest.mark.parametrize(
    "text",
    [
        "return None",
        "for key in keys:",
        "x = 'plain words, and more'",
        'print("a: {}".format(b))  # says why',
    ],
)
def test_plain_code_may_be_shown(text: str) -> None:
    assert may_be_shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "password = 'tulip'",
        "x = 'w4gon-Plum-77'",
        "url = 'postgresql://shop:plum@db'",
        "x = y  # the old one was hunter2",
        "token = None  # was tulip",
        "x = 'qLrXnTbVcKdPfHjMsYgAuEoWzLrXnT'",
        "x = '''never ending",
        "x = 'a\x1b[2J'",
    ],
)
def test_what_might_be_a_secret_may_not(text: str) -> None:
    assert not may_be_shown(text)
