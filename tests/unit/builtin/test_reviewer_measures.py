"""Complexity, comments and duplicates: counted as the README says."""

from __future__ import annotations

import textwrap

import pytest
from airlock_agents.builtin.code_reviewer.functions import Measured, measure_python
from airlock_agents.builtin.code_reviewer.languages import Language, blanked, language_of
from airlock_agents.builtin.code_reviewer.measures import FileMeasures, measure_text, metrics
from airlock_agents.builtin.code_reviewer.python_code import PythonCode


def measured(text: str) -> list[Measured]:
    return measure_python(PythonCode(textwrap.dedent(text)))


@pytest.mark.parametrize(
    ("body", "complexity", "nesting"),
    [
        ("pass", 1, 0),
        ("if a:\n    pass\nelif b:\n    pass\nelse:\n    pass", 3, 1),
        ("for x in y:\n    while x:\n        pass", 3, 2),
        ("try:\n    pass\nexcept A:\n    pass\nexcept B:\n    pass", 3, 1),
        ("return a and b or c", 3, 0),
        ("return [x for x in y if x if z]", 4, 0),
        ("return a if b else c", 2, 0),
        ("match a:\n    case 1:\n        pass\n    case _:\n        pass", 3, 1),
        ("with a:\n    with b:\n        pass", 1, 2),
        ("def inner():\n    if a:\n        pass", 1, 0),
    ],
)
def test_branches_count_and_blocks_nest(body: str, complexity: int, nesting: int) -> None:
    outer = measured("def f():\n" + textwrap.indent(body, "    "))[0]
    assert (outer.complexity, outer.nesting) == (complexity, nesting)


def test_a_method_is_named_with_its_class_and_its_receiver_is_no_argument() -> None:
    found = measured("class A:\n    def f(self, a, *, b):\n        def g(c): ...\n")
    assert [(one.name, one.arguments, one.line, one.length) for one in found] == [
        ("A.f", 2, 2, 2),
        ("A.f.g", 1, 3, 1),
    ]


def test_the_worst_come_first_and_the_limit_counts() -> None:
    functions = tuple(Measured(f"f{n}", n + 1, n + 1, n + 1, 0, 0) for n in range(30))
    shown = metrics([FileMeasures("a.py", "Python", 30, 3, 1, functions)], 20)
    assert shown["complexity"] == {"mean": 15.5, "max": 30, "limit": 20, "over_limit": 10}
    assert [one["name"] for one in shown["worst"]][:2] == ["f29", "f28"]
    assert len(shown["worst"]) == 20
    assert shown["comment_ratio"] == 0.1


def test_runs_of_lines_that_stand_twice_are_counted() -> None:
    text = "".join(f"value_{n} = compute({n})\n" for n in range(12))
    twice = [measure_text(name, "Python", text, text, 0) for name in ("a.py", "b.py")]
    other = measure_text("c.py", "Python", text.replace("value", "other"), text, 0)
    assert metrics([twice[0]], 10)["duplicated_ratio"] == 0.0
    assert metrics(twice, 10)["duplicated_ratio"] == 1.0
    assert metrics([*twice, other], 10)["duplicated_ratio"] == 0.667


def test_nothing_at_all_has_metrics_too() -> None:
    assert metrics([], 10)["complexity"] == {"mean": 0.0, "max": 0, "limit": 10, "over_limit": 0}


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("a.py", "", "Python"),
        ("a.TSX", "", "TypeScript"),
        ("run", "#!/usr/bin/env bash\n", "Shell"),
        ("run", "#!/usr/bin/node\n", "JavaScript"),
        ("README.md", "", None),
    ],
)
def test_a_language_is_known_by_suffix_or_first_line(path: str, text: str, name: str | None) -> None:
    found = language_of(path, text)
    assert (found.name if found else None) == name


JAVASCRIPT = language_of("a.js", "")


@pytest.mark.parametrize(
    ("text", "bare", "comments"),
    [
        ("a // b", "a     ", 1),
        ("a /* b\nc */ d", "a     \n     d", 2),
        ("x = 'a // b' // c", "x = '      '     ", 1),
        ('x = "a\\"b"; y', 'x = "    "; y', 0),
        ("x = `a\nb` + c", "x = ` \n ` + c", 0),
        ("x = /['\"]/.test(y)", "x =       .test(y)", 0),
        ("a / b / c", "a / b / c", 0),
        ("'never ends\nx", "'          \nx", 0),
        ("/* never ends", "             ", 1),
    ],
)
def test_comments_and_strings_are_blanked_in_place(text: str, bare: str, comments: int) -> None:
    assert isinstance(JAVASCRIPT, Language)
    assert blanked(text, JAVASCRIPT) == (bare, comments)
