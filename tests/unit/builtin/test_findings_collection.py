"""More findings than anybody reads are counted, and the loudest kept, in whatever order they come."""

from __future__ import annotations

from airlock_agents.builtin.findings.collection import Collection, loudest, tallied
from airlock_agents.builtin.findings.finding import Finding, Inspected
from airlock_agents.builtin.findings.severities import Severity
from airlock_agents.builtin.security_scanner.scanned import Wish, kind_of


def finding(severity: Severity, line: int, file: str = "a.js", *, suppressed: bool = False) -> Finding:
    more = {"type": "xss"}
    return Finding("r", severity, "HIGH", file, line, "m", "airlock", suppressed=suppressed, more=more)


def inspected(file: str, *findings: Finding, skipped: str | None = None) -> Inspected:
    return Inspected(file, findings, skipped, counts=tallied(findings, kind_of))


def test_all_are_counted_and_the_loudest_are_kept() -> None:
    found: Collection[Finding] = Collection(kind_of, most=3)
    for number in range(10):
        file = f"{number}.js"
        found.take(inspected(file, finding("LOW", 1, file), finding("HIGH", 2, file, suppressed=True)))
    assert [(one.file, one.severity) for one in found.loudest()] == [(f"{n}.js", "HIGH") for n in range(3)]
    assert found.summary(["xss", "code"]) == {
        "total": 20,
        "by_severity": {"CRITICAL": 0, "HIGH": 10, "MEDIUM": 0, "LOW": 10},
        "by_type": {"xss": 20, "code": 0},
        "suppressed": 10,
    }


def test_a_hundred_quiet_ones_before_it_do_not_drop_a_loud_one() -> None:
    quiet = [finding("LOW", line) for line in range(1, 100)]
    assert loudest([*quiet, finding("HIGH", 500)], 2) == [finding("HIGH", 500), finding("LOW", 1)]


def test_the_order_in_which_files_come_changes_nothing() -> None:
    files = [
        inspected(f"{n}.js", *(finding("MEDIUM", line, f"{n}.js") for line in range(1, 9))) for n in range(9)
    ]
    one: Collection[Finding] = Collection(kind_of, most=20)
    other: Collection[Finding] = Collection(kind_of, most=20)
    for file in files:
        one.take(file)
    for file in reversed(files):
        other.take(file)
    assert one.loudest() == other.loudest()


def test_what_is_taken_leaves_only_its_name_and_reason() -> None:
    found: Collection[Finding] = Collection(kind_of)
    left = found.take(inspected("a.js", finding("HIGH", 1), skipped="larger"))
    assert left == Inspected("a.js", skipped="larger")
    binary = Inspected("b.js", skipped="binary", seen=False)
    assert found.take(binary) == binary


def test_all_asks_for_every_type_and_a_type_for_itself() -> None:
    assert Wish(frozenset({"all"})).asks("dependencies")
    assert Wish(frozenset({"xss"})).asks("secrets", "xss")
    assert not Wish(frozenset({"xss"})).asks("secrets")
