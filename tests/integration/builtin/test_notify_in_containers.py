"""The notifier in its container: what it writes is what it answers, and what the log takes whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from airlock_sdk.testing import Outcome

STOREFRONT = Path(__file__).parents[3] / "examples" / "storefront"

RunAgent = Callable[..., Outcome]
CheckOutput = Callable[..., dict[str, Any]]


def test_a_scan_is_told_with_a_template_and_a_table(run_agent: RunAgent, check_output: CheckOutput) -> None:
    scan = run_agent("security-scanner", "scan", {"min_severity": "HIGH"}, workspace=STOREFRONT).output
    assert scan is not None
    inputs = {
        "channel": "console",
        "severity": "CRITICAL",
        "min_severity": "LOW",
        "title": "Scanned\x1b[2J",
        "values": {"scan": scan},
        "template": "{scan.summary.total} findings: {scan.summary.by_severity}; {scan.note|no note}",
        "tables": [{"columns": ["severity", "rule", "file", "line"], "rows": scan["findings"]}],
        "messages": [{"title": "quiet", "message": "not told"}],
    }
    outcome = run_agent("notifier", "notify", inputs)
    output = check_output("notifier", "notify", outcome)
    assert [log["message"] for log in outcome.logs] == [output["text"]]
    assert "\x1b" not in output["text"]
    assert f"\n{scan['summary']['total']} findings: CRITICAL " in output["text"]
    assert "CRITICAL  private-key" in output["text"]
    assert output["left_out"] == [{"what": "rows", "shown": 20, "total": len(scan["findings"])}]
    assert [one["delivered"] for one in output["messages"]] == [True, False]


def test_a_missing_value_fails_the_node_with_its_place(run_agent: RunAgent) -> None:
    inputs = {"channel": "console", "title": "x", "template": "{a.b}", "values": {"a": {"c": 1}}}
    outcome = run_agent("notifier", "notify", inputs)
    assert outcome.failure is not None
    assert outcome.failure["code"] == "agent.template_failed"
    assert "there is no 'b' in a; there are: c" in outcome.failure["message"]
    assert outcome.logs == []
