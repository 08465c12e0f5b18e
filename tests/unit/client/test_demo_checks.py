"""What the demo says of the agents that looked at the code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from airlock_client.demo.checks import named_twice, overlap, show_checks
from airlock_client.show.findings import Check, checks
from airlock_contracts.messages import Usage
from airlock_contracts.views import NodeView, RunView
from rich.console import Console
from shown_runs import attempt, node, run

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def output(kind: str, files: str, *found: tuple[str, int]) -> dict[str, Any]:
    return {
        "summary": {"by_severity": {"HIGH": len(found)}, "suppressed": 1},
        files: 3,
        kind: [
            {"severity": "HIGH", "file": file, "line": line, "rule": f"r{line}", "message": "why"}
            for file, line in found
        ],
    }


OUTPUTS = {
    "scan": output("findings", "files_scanned", ("a.py", 1), ("b.py", 2)),
    "review": output("issues", "files_reviewed", ("a.py", 1), ("c.py", 9)),
    "comply": output("violations", "files_checked", ("a.py", 1), ("", 0)),
}


def test_counts_worst_and_shared_places_are_told() -> None:
    said = checks(OUTPUTS)
    assert named_twice(said) == 1
    text = shown(run(), said)
    assert "places that more than one of them names: 1" in text
    assert "c.py:9" in text
    assert "the repository" in text  # what a whole repository lacks stands in no file


def test_what_an_agent_did_not_look_at_is_told_with_what_it_found() -> None:
    skipped = [{"file": "Makefile", "reason": "binary"}]
    text = shown(run(), checks({"scan": OUTPUTS["scan"] | {"skipped": skipped, "skipped_total": 4}}))
    assert "UNSEEN    Makefile  binary\nand 3 more unseen: scan-report.json has all\n" in text
    assert "UNSEEN" not in shown(run(), checks(OUTPUTS))


def test_how_long_two_nodes_ran_side_by_side_is_told_where_both_ran() -> None:
    said = checks(OUTPUTS)
    both = run(
        ran("scan", ends=5.0, took=5.0),
        ran("review", ends=10.0, took=6.0),
        ran("comply", ends=12.0, took=7.0),
    )
    assert "review and comply ran side by side for 5.00 s\n" in shown(both, said)
    one_behind_the_other = run(ran("review", ends=10.0, took=6.0), ran("comply", ends=17.0, took=6.5))
    assert "review and comply ran side by side for 0.00 s\n" in shown(one_behind_the_other, said)
    assert "side by side" not in shown(run(ran("review", ends=10.0, took=6.0)), said)


def test_a_node_that_did_not_succeed_says_nothing() -> None:
    assert [one.node for one in checks({"review": OUTPUTS["review"]})] == ["review"]
    assert checks({}) == []


def test_the_overlap_is_that_of_the_sandboxes() -> None:
    both = run(ran("review", ends=10.0, took=6.0), ran("comply", ends=12.0, took=7.0))
    assert overlap(both, "review", "comply") == timedelta(seconds=5)
    assert overlap(both, "review", "scan") is None


def shown(view: RunView, said: Sequence[Check]) -> str:
    written = StringIO()
    show_checks(Console(file=written, width=120), view, said)
    return written.getvalue()


def ran(name: str, *, ends: float, took: float) -> NodeView:
    usage = Usage(start_ms=1000.0, run_ms=(took - 1) * 1000)
    return node(name, attempts=[attempt(finished_at=NOON + timedelta(seconds=ends), usage=usage)])
