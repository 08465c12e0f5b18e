"""What a run's agents found, whoever says it: the worst first, nothing of it raw."""

from typing import Any

from airlock_client.show.findings import Severity, checks, show_counts, show_worst
from airlock_client.show.unseen import show_unseen
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


def skipped(**reasons: str) -> list[dict[str, str]]:
    return [{"file": file.replace("_", "."), "reason": reason} for file, reason in reasons.items()]


def test_what_was_not_looked_at_is_counted_beside_the_findings_and_named_with_the_reason() -> None:
    rows = [{"file": f"{number}.png", "reason": "binary"} for number in range(40)]
    rows += [{"file": "Makefile", "reason": "binary"}, *skipped(big_js="cut", logo_png="odd", icon_gif="odd")]
    console, written = screen(100)
    (one,) = checks({"look": output(found("HIGH", "a.py"), skipped=rows, skipped_total=150)})
    show_counts(console, [one])
    header, counts = written.getvalue().splitlines()[:2]
    assert (header.split()[-1], counts.split()[-1]) == ("unseen", "150")
    console, written = screen(100)
    show_unseen(console, one, 2, whole="there is more")
    # What may hide something stands first; pictures, which nobody expects to be read, stand last.
    assert written.getvalue().strip().splitlines() == [
        "UNSEEN    big.js  cut",
        "UNSEEN    Makefile, 0.png, 1.png and 38 more  binary",
        "and 108 more unseen: there is more",
    ]


def test_an_agent_that_looked_at_all_and_one_that_says_nothing_have_nothing_unseen() -> None:
    console, written = screen(100)
    strange: list[Any] = [[], {"skipped": []}, {"skipped": "none"}, {"skipped": [{"file": ""}, 7]}]
    for more in strange:
        (one,) = checks({"look": output(found("HIGH", "a.py"), **dict(more))})
        assert (one.unseen, one.unseen_total) == ((), 0)
        show_unseen(console, one, 5, whole="")
    assert written.getvalue() == ""


def test_names_and_reasons_of_what_was_not_looked_at_are_nothing_but_text() -> None:
    console, written = screen(100)
    (one,) = checks({"look": output(skipped=[{"file": "[red]\x1b[2J\n.py", "reason": "[/]\x1b]0;x\x07"}])})
    show_unseen(console, one, 5, whole="")
    (line,) = written.getvalue().strip().splitlines()
    assert line == "UNSEEN    [red]\\x1b[2J .py  [/]\\x1b]0;x\\x07"


def test_a_report_that_lacks_some_and_what_is_told_softer_or_not_at_all_is_said() -> None:
    listed = [
        found("HIGH", "a.py"),
        found("LOW", "vendor/b", vendored=True),
        found("LOW", "t.py", in_tests=True),
    ]
    summary: dict[str, Any] = {"by_severity": {"HIGH": 60_000}, "aside_below_fail_on": 5}
    summary |= {"in_tests_below_floor": 3, "samples_below_floor": 4}
    (one,) = checks({"look": output(*listed, summary=summary, report_truncated=True)})
    console, written = screen(100)
    show_counts(console, [one])
    show_worst(console, one, 5, whole="look-report.json has more")
    text = written.getvalue()
    assert "look: of those listed 2 in tests or others' code" in text
    assert "look: left out only as they stand in tests or look like samples: 7 more" in text
    assert "look: 5 would fail it, stood they not in tests or others' code" in text
    assert "not even the report of look has all issues" in text
