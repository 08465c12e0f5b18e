"""An explanation as people see it: sentences, times, and the command that moves it on."""

from datetime import UTC, datetime, timedelta

from airlock_client.show.explanation import show_explanation
from airlock_contracts.explanations import Explanation, FailedNode, RetryPlan, Waiting, WaitReason
from airlock_contracts.failures import FailureKind
from airlock_contracts.statuses import NodeStatus, RunStatus
from shown_runs import screen

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def shown(said: Explanation) -> str:
    console, written = screen(160)
    show_explanation(console, said)
    return written.getvalue()


def explanation(**changed: object) -> Explanation:
    plain = {
        "run": "r1",
        "workflow": "review",
        "status": RunStatus.RUNNING,
        "now": NOW,
        "why": "scan: all 2 slots of pool default are taken",
        "since": NOW - timedelta(minutes=3, seconds=5),
        "then": "the next slot that is free takes it",
    }
    return Explanation.model_validate({**plain, **changed})


def test_what_waits_is_told_with_its_times_and_the_next_command() -> None:
    node = Waiting(
        node="apply",
        status=NodeStatus.WAITING_APPROVAL,
        reason=WaitReason.APPROVAL,
        why="a person must decide about apply of patcher@1.0.0",
        since=NOW - timedelta(seconds=30),
        then="if nobody decides in time, the node is skipped",
        at=NOW + timedelta(hours=2, minutes=10),
        command="airlock approvals show a1",
    )
    text = shown(explanation(waiting=[node]))
    assert "run r1 of review is RUNNING\n" in text
    assert (
        "why:   scan: all 2 slots of pool default are taken (since 2026-11-21 11:56:55Z, 3 min 5 s)" in text
    )
    assert "apply is WAITING_APPROVAL\n" in text
    assert "the node is skipped, at 2026-11-21 14:10:00Z, in 2 h 10 min\n" in text
    assert "next:  airlock approvals show a1\n" in text


def test_what_is_due_says_since_when() -> None:
    assert "takes it, due since 2026-11-21 11:59:50Z" in shown(explanation(at=NOW - timedelta(seconds=10)))


def test_what_failed_is_told_with_what_to_do_and_what_a_retry_does() -> None:
    failed = FailedNode(
        node="scan",
        kind=FailureKind.SANDBOX,
        code="memory.exceeded",
        message="too\x1b[31m much",
        attempt="r1/scan/2",
        host="host-1",
        todo="Register a version with more limits.memory_mb.",
        page="/docs/errors/memory.exceeded",
    )
    retry = RetryPlan(possible=True, copies=[], redoes=[f"n{number}" for number in range(12)])
    text = shown(explanation(status=RunStatus.FAILED, failed=[failed], retry=retry))
    assert "scan failed: memory.exceeded (sandbox)\n" in text
    assert "why:   too\\x1b[31m much\n" in text
    assert "where: attempt r1/scan/2 on host-1\n" in text
    assert "do:    Register a version with more limits.memory_mb.\n" in text
    assert (
        "a retry copies nothing and starts n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more anew\n" in text
    )
    refused = RetryPlan(possible=False, why_not="its outputs are more than a retry copies")
    assert "a retry is not possible: its outputs" in shown(explanation(retry=refused))
