"""What a run's agents found, whoever says it: the worst first, nothing of it raw."""

from typing import Any

from airlock_client.show.findings import Severity, checks, show_counts, show_worst
from shown_runs import screen


def found(severity: str, file: str, rule: str = "B1", **more: Any) -> dict[str, Any]:
    return {"severity": severity, "file": file, "line": 7, "rule": rule, "message": "why"} | more


def output(*listed: dict[str, Any], **more: Any) -> dict[str, Any]:
    counts = {name: sum(one["severity"] == name for one in listed) for name in ("HIGH", "LOW")}
    return {"issues": list(listed), "summary": {"by_severity": counts, "suppressed": 2}} | more


def test_of_one_severity_an_advisory_comes_first_and_code_before_tests_and_documents() -> None:
    (one,) = checks(
        {
            "look": output(
                found("LOW", "src/low.py"),
                found("HIGH", "docs/quickstart.rst"),
                found("HIGH", "tests/a.py"),
                found("HIGH", "b.py", in_tests=True),
                found("HIGH", "src/code.py"),
                found("HIGH", "examples/requirements.txt", "GHSA-2g68-c3qc-8985", also=["CVE-2024-34069"]),
            )
        }
    )
    assert [found["file"] for found in one.listed] == [
        "examples/requirements.txt",
        "src/code.py",
        "docs/quickstart.rst",
        "tests/a.py",
        "b.py",
        "src/low.py",
    ]


def test_counts_and_the_worst_are_told_for_any_node_and_what_is_left_out_is_counted() -> None:
    console, written = screen(100)
    said = checks({"look": output(found("HIGH", "a.py"), found("HIGH", "c.py", "C2"), found("LOW", "b.py"))})
    show_counts(console, said, nodes=True)
    show_worst(console, said[0], 1, whole="there is more", floor=Severity.HIGH)
    text = written.getvalue()
    assert "look: issues" in text
    assert "a.py:7  B1 why" in text
    assert "c.py" not in text
    assert "b.py" not in text
    assert "and 1 more issues: there is more" in text


def test_what_is_found_often_hides_nothing_and_every_place_of_a_rule_can_be_asked_for() -> None:
    often = [found("HIGH", f"doc{number}.py", "password") for number in range(3)]
    said = checks({"look": output(*often, found("HIGH", "db.py", "sql"), found("LOW", "a.py", "password"))})
    console, written = screen(100)
    show_worst(console, said[0], 2, whole="there is more")
    first, second, left = written.getvalue().strip().splitlines()
    assert first.split() == ["HIGH", "3", "x", "doc0.py:7", "password", "why"]
    assert second.split() == ["HIGH", "db.py:7", "sql", "why"]
    assert left == "and 1 more issues: there is more"
    console, written = screen(100)
    show_worst(console, said[0], 3, whole="there is more", rule="password")
    lines = written.getvalue().strip().splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["doc0.py:7", "doc1.py:7", "doc2.py:7"]
    assert lines[3:] == ["and 1 more issues: there is more"]


def test_what_only_looks_like_findings_is_left_alone_and_escapes_are_spelled_out() -> None:
    strange: dict[str, Any] = {
        "a": {"findings": "none"},
        "b": {"findings": [{"severity": "BAD", "rule": "r", "message": "m"}]},
        "c": ["findings"],
        "d": output(found("HIGH", "\x1b[2J", also=3), summary={"by_severity": {"HIGH": "\x1b"}}),
    }
    console, written = screen(100)
    (one,) = checks(strange)
    show_counts(console, [one])
    show_worst(console, one, 5, whole="")
    assert (one.node, "\x1b" in written.getvalue()) == ("d", False)
