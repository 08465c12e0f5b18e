"""Of all that a file gives, the loudest of what was asked for is kept, and all of it counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from airlock_agents.builtin.code_reviewer.issue import Issue, Type
from airlock_agents.builtin.code_reviewer.selection import Selection
from airlock_agents.builtin.code_reviewer.sieve import OUTSIDE_DIFF, Sieve, Wish
from airlock_agents.builtin.findings.collection import MAX_PER_FILE
from airlock_agents.builtin.findings.severities import Severity

ALL = Wish()


def at(line: int, last_line: int = 0, *, severity: Severity = "LOW", kind: Type = "quality") -> Issue:
    return Issue("r", severity, "HIGH", "shop/a.py", line, "m", "airlock", type=kind, last_line=last_line)


def sifted(issues: Iterable[Issue], wish: Wish = ALL, path: str = "shop/a.py") -> Sieve:
    sieve = Sieve(wish, path)
    for one in issues:
        sieve.add(one)
    return sieve


def lines(sieve: Sieve) -> list[int]:
    return [one.line for one in sieve.loudest]


def test_an_issue_is_known_by_the_same_id_whatever_else_was_asked_for() -> None:
    issues = [at(1), at(2, severity="HIGH"), at(3)]
    whole = {one.line: one.id for one in sifted(issues).loudest}
    assert len(set(whole.values())) == 3
    (loud,) = sifted(issues, Wish(floor="HIGH")).loudest
    assert loud.id == whole[2]
    (changed,) = sifted(issues, Wish(chosen=Selection(changed={"shop/a.py": {3}}))).loudest
    assert changed.id == whole[3]


def test_a_thousand_small_issues_in_front_of_it_do_not_hide_a_grave_one() -> None:
    small = [at(line) for line in range(1, 2 * MAX_PER_FILE)]
    grave = at(9_000, severity="HIGH", kind="security")
    sieve = sifted([*small, grave])
    assert len(sieve.loudest) == MAX_PER_FILE
    assert (sieve.loudest[0].line, sieve.loudest[0].severity) == (9_000, "HIGH")
    assert (sieve.counts["total"], sieve.counts["HIGH"], sieve.counts["kind security"]) == (4_000, 1, 1)


def test_types_and_the_floor_choose() -> None:
    issues = [at(1), at(2, severity="HIGH"), at(3, severity="HIGH", kind="security")]
    wish = Wish(types=frozenset({"security"}), floor="MEDIUM")
    assert lines(sifted(issues, wish)) == [3]
    assert sifted(issues, Wish(floor="MEDIUM")).counts["total"] == 2


def test_in_tests_an_issue_is_spoken_of_softly() -> None:
    (one,) = sifted([at(1, severity="HIGH")], path="tests/test_a.py").loudest
    assert (one.severity, one.in_tests) == ("LOW", True)


def test_a_test_that_forgets_to_raise_is_no_matter_of_taste() -> None:
    forgotten = replace(at(1, severity="HIGH"), rule="PLW0133")
    (one,) = sifted([forgotten], path="tests/test_a.py").loudest
    assert (one.severity, one.in_tests) == ("MEDIUM", True)


def test_only_issues_on_changed_lines_are_kept_and_the_others_are_counted() -> None:
    wish = Wish(chosen=Selection(changed={"shop/a.py": {2, 3, 21, 22}}))
    sieve = sifted([at(1), at(2), at(5), at(22)], wish)
    assert (lines(sieve), sieve.counts[OUTSIDE_DIFF], sieve.counts["total"]) == ([2, 22], 2, 2)
    assert sifted([at(1)], wish, "shop/b.py").counts[OUTSIDE_DIFF] == 1


def test_an_issue_about_a_function_counts_if_the_diff_touches_it() -> None:
    wish = Wish(chosen=Selection(changed={"shop/a.py": {21}}))
    assert lines(sifted([at(19, 30), at(30, 40)], wish)) == [19]
