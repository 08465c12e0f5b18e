"""More findings than anybody reads are counted, and the loudest kept, in whatever order they come."""

from __future__ import annotations

from airlock_agents.builtin.findings.finding import Finding, Inspected
from airlock_agents.builtin.findings.severities import Severity
from airlock_agents.builtin.security_scanner.collection import Collection
from airlock_agents.builtin.security_scanner.dependencies.dependency import Dependency
from airlock_agents.builtin.security_scanner.scanned import Scanned, Wish, tallied


def finding(severity: Severity, line: int, file: str = "a.js", *, kind: str = "xss") -> Finding:
    return Finding("r", severity, "HIGH", file, line, "m", "airlock", more={"type": kind})


def scanned(file: str, *findings: Finding, skipped: str | None = None) -> Scanned:
    return Scanned(file, findings, skipped, tallied(findings))


def test_all_are_counted_and_the_loudest_are_kept() -> None:
    found = Collection(most=3)
    for number in range(10):
        found.take(
            scanned(f"{number}.js", finding("LOW", 1, f"{number}.js"), finding("HIGH", 2, f"{number}.js"))
        )
    assert [(one.file, one.severity) for one in found.findings()] == [(f"{n}.js", "HIGH") for n in range(3)]
    assert found.summary()["total"] == 20
    assert found.summary()["by_severity"] == {"CRITICAL": 0, "HIGH": 10, "MEDIUM": 0, "LOW": 10}


def test_the_order_in_which_files_come_changes_nothing() -> None:
    files = [
        scanned(f"{n}.js", *(finding("MEDIUM", line, f"{n}.js") for line in range(1, 9))) for n in range(9)
    ]
    one, other = Collection(most=20), Collection(most=20)
    for file in files:
        one.take(file)
    for file in reversed(files):
        other.take(file)
    assert one.findings() == other.findings()


def test_what_is_taken_leaves_only_its_name_and_reason() -> None:
    found = Collection()
    left = found.take(scanned("a.js", finding("HIGH", 1), skipped="larger"))
    assert left == Inspected("a.js", skipped="larger")
    assert found.take(Inspected("b.js", skipped="binary")) == Inspected("b.js", skipped="binary")


def test_dependencies_are_taken_with_their_file() -> None:
    found, one = Collection(), Dependency("npm", "lodash", "4.17.11", 3)
    found.take(Scanned("yarn.lock", dependencies=(one,)))
    found.add([finding("CRITICAL", 3, "yarn.lock", kind="dependencies")])
    assert found.dependencies == [("yarn.lock", one)]
    assert found.summary()["by_type"]["dependencies"] == found.summary()["by_severity"]["CRITICAL"] == 1


def test_all_asks_for_every_type_and_a_type_for_itself() -> None:
    assert Wish(frozenset({"all"})).asks("dependencies")
    assert Wish(frozenset({"xss"})).asks("secrets", "xss")
    assert not Wish(frozenset({"xss"})).asks("secrets")
