"""Every (status, signal) pair does what the tables say, or nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, OnExpiry, RunStatus, Verdict
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.effects import CloseApproval, DispatchAttempt, RecallAttempt
from airlock_orchestration.engine.retry import MAX_LOSSES
from airlock_orchestration.engine.rules import NODE_RULES, RUN_RULES
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import step
from engine_runs import (
    MAX_ATTEMPTS,
    NODE_SIGNALS,
    START,
    STARTED,
    Witness,
    apt,
    due,
    new,
    node,
    started,
)

SIGNALS = (*NODE_SIGNALS, s.CancelRequested, s.RunStarted)


def send(run: RunState, signal: Any) -> RunState:
    after = step(run, signal, due(run, signal, START), Values(context={}, outputs={"p": {}}))
    assert not after.stale, signal
    return after.run


def final_failure(run: RunState, id_: str) -> Any:
    failed = apt(s.AttemptFailed, run, id_)
    return replace(failed, failure=failed.failure.model_copy(update={"retryable": False}))


def standing(status: NodeStatus) -> RunState:
    """A run that goes on, in which the node `x` stands in this status."""
    gate: dict[str, Any] = {"approval": {}} if status is NodeStatus.WAITING_APPROVAL else {}
    parents = ["p"] if status in (NodeStatus.PENDING, NodeStatus.SKIPPED) else []
    run = started(node("other"), node("p"), node("x", parents, **gate))
    run = send(run, apt(s.AttemptClaimed, run, "other"))
    match status:
        case NodeStatus.RUNNING:
            return send(run, apt(s.AttemptClaimed, run, "x"))
        case NodeStatus.BACKING_OFF:
            return send(run, apt(s.AttemptFailed, run, "x"))
        case NodeStatus.SUCCESS:
            return send(run, apt(s.AttemptSucceeded, run, "x"))
        case NodeStatus.FAILED:
            return send(run, final_failure(run, "x"))
        case NodeStatus.SKIPPED:
            return send(run, final_failure(run, "p"))
        case NodeStatus.CANCELLED:
            return send(run, apt(s.CancelRequested, run, "x"))
        case _:
            return run


@pytest.mark.parametrize("status", list(NodeStatus))
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_does_to_a_node_what_the_table_says_or_nothing(
    status: NodeStatus, signal: type[Any]
) -> None:
    run = standing(status)
    assert run.nodes["x"].status is status
    sent = apt(signal, run, "x")
    after = step(run, sent, due(run, sent, START), Values(context={}))
    if signal is s.CancelRequested and not status.is_final:
        assert after.run.nodes["x"].status in NODE_RULES[status][signal]
    elif signal in NODE_RULES[status]:
        assert not after.stale
        assert after.run.nodes["x"].status in NODE_RULES[status][signal]
    else:
        assert after.run.nodes["x"] == run.nodes["x"]
        assert after.stale or signal is s.CancelRequested


def in_status(status: RunStatus) -> RunState:
    match status:
        case RunStatus.PENDING:
            return new(node("x"))
        case RunStatus.WAITING_APPROVAL:
            return started(node("x", approval={}))
        case RunStatus.SUCCESS:
            run = started(node("x"))
            return send(run, apt(s.AttemptSucceeded, run, "x"))
        case RunStatus.FAILED:
            run = started(node("x"))
            return send(run, final_failure(run, "x"))
        case RunStatus.CANCELLED:
            return send(started(node("x")), apt(s.CancelRequested, started(node("x")), "x"))
        case RunStatus.CANCELLING:
            return send(
                in_status(RunStatus.RUNNING), apt(s.CancelRequested, in_status(RunStatus.RUNNING), "x")
            )
        case _:
            run = started(node("x"))
            return send(run, apt(s.AttemptClaimed, run, "x"))


@pytest.mark.parametrize("status", list(RunStatus))
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_does_to_a_run_what_the_table_says_or_nothing(status: RunStatus, signal: type[Any]) -> None:
    run = in_status(status)
    assert run.status is status
    sent = apt(signal, run, "x")
    after = step(run, sent, due(run, sent, START), Values(context={}))
    if signal not in RUN_RULES[status]:
        assert after.stale
    if after.stale:
        assert after.run is run
    else:
        assert after.run.status in RUN_RULES[status][signal]


def test_the_tables_name_every_status_and_no_final_one_moves() -> None:
    assert set(NODE_RULES) == set(NodeStatus)
    assert set(RUN_RULES) == set(RunStatus)
    assert all(bool(rules) is not status.is_final for status, rules in NODE_RULES.items())
    assert all(bool(rules) is not status.is_final for status, rules in RUN_RULES.items())


def test_attempts_end_at_the_maximum_of_failures_plus_losses() -> None:
    witness = Witness(new(node("x", kind="idempotent")))
    witness.send(STARTED)
    for signal in [s.LeaseExpired] * (MAX_LOSSES - 1) + [s.AttemptFailed] * MAX_ATTEMPTS:
        assert not witness.run.status.is_final
        if witness.run.nodes["x"].status is NodeStatus.BACKING_OFF:
            witness.send(apt(s.RetryDue, witness.run, "x"))
        witness.send(apt(s.AttemptClaimed, witness.run, "x"))
        witness.send(apt(signal, witness.run, "x"))
    assert witness.run.status is RunStatus.FAILED
    attempt = witness.run.nodes["x"].attempt
    assert attempt is not None
    assert attempt.number == MAX_LOSSES - 1 + MAX_ATTEMPTS


def test_an_external_attempt_that_is_lost_is_for_a_person_to_judge() -> None:
    run = started(node("x", kind="external"), node("after", ["x"]))
    run = send(run, apt(s.AttemptClaimed, run, "x"))
    run = send(run, apt(s.LeaseExpired, run, "x"))
    failure = run.nodes["x"].failure
    assert failure is not None
    assert failure.code == "sandbox.outcome_unknown"
    assert run.nodes["after"].status is NodeStatus.SKIPPED
    assert run.status is RunStatus.FAILED


@pytest.mark.parametrize("kind", ["external", "idempotent"])
def test_work_with_effects_may_not_report_before_its_claim(kind: str) -> None:
    run = started(node("x", kind=kind))
    for signal in (s.AttemptSucceeded, s.AttemptFailed):
        assert step(run, apt(signal, run, "x"), START).stale


def test_a_gated_node_may_not_report_before_its_claim() -> None:
    run = started(node("x", approval={}))
    run = send(run, apt(s.ApprovalDecided, run, "x"))
    assert step(run, apt(s.AttemptSucceeded, run, "x"), START).stale
    run = send(run, apt(s.AttemptClaimed, run, "x"))
    assert send(run, apt(s.AttemptSucceeded, run, "x")).status is RunStatus.SUCCESS


def test_a_gated_node_starts_no_earlier_than_its_decision_and_only_for_its_hash() -> None:
    run = started(node("x", approval={}))
    decided = apt(s.ApprovalDecided, run, "x")
    for stale in (replace(decided, payload_sha256="1" * 64), replace(decided, approval="other")):
        assert step(run, stale, START).stale
    after = step(run, decided, START)
    assert [
        type(effect) for effect in after.effects if isinstance(effect, CloseApproval | DispatchAttempt)
    ] == [
        CloseApproval,
        DispatchAttempt,
    ]


def test_a_rejection_fails_the_node_and_skips_what_depends_on_it() -> None:
    run = started(node("x", approval={}), node("after", ["x"]), node("beside"))
    run = send(run, replace(apt(s.ApprovalDecided, run, "x"), verdict=Verdict.REJECTED))
    failure = run.nodes["x"].failure
    assert failure is not None
    assert failure.code == "approval.rejected"
    assert {id_: state.status for id_, state in run.nodes.items()} == {
        "x": NodeStatus.FAILED,
        "after": NodeStatus.SKIPPED,
        "beside": NodeStatus.QUEUED,
    }


@pytest.mark.parametrize(
    ("on_expiry", "node_status", "run_status"),
    [
        (OnExpiry.REJECT, NodeStatus.FAILED, RunStatus.FAILED),
        (OnExpiry.SKIP, NodeStatus.SKIPPED, RunStatus.SUCCESS),
    ],
)
def test_an_expiry_rejects_or_skips_and_never_approves(
    on_expiry: OnExpiry, node_status: NodeStatus, run_status: RunStatus
) -> None:
    run = started(node("x", approval={"on_expiry": on_expiry.value}), node("after", ["x"]))
    run = send(run, apt(s.ApprovalExpired, run, "x"))
    assert (run.nodes["x"].status, run.nodes["after"].status) == (node_status, NodeStatus.SKIPPED)
    assert run.status is run_status
    approval = run.nodes["x"].approval
    assert approval is not None
    assert approval.status is ApprovalStatus.EXPIRED


def test_a_second_token_gets_nothing_while_the_first_holds_the_attempt() -> None:
    run = started(node("x"))
    claimed = apt(s.AttemptClaimed, run, "x")
    run = send(run, claimed)
    assert step(run, replace(claimed, token="t2"), START).stale
    assert step(run, replace(apt(s.AttemptSucceeded, run, "x"), token="t2"), START).stale
    again = step(run, claimed, START + timedelta(seconds=5))
    assert (again.stale, again.run, again.effects) == (False, run, ())


def test_a_late_report_from_an_old_attempt_changes_nothing() -> None:
    run = started(node("x"))
    run = send(run, apt(s.AttemptClaimed, run, "x"))
    late = apt(s.AttemptSucceeded, run, "x")
    run = send(run, apt(s.LeaseExpired, run, "x"))
    assert step(run, late, START).stale


def test_cancelling_recalls_what_runs_and_records_a_success_that_still_arrives() -> None:
    run = started(node("x"), node("queued"), node("gate", approval={}), node("after", ["x"]))
    run = send(run, apt(s.AttemptClaimed, run, "x"))
    after = step(run, apt(s.CancelRequested, run, "x"), START)
    assert {effect.node for effect in after.effects if isinstance(effect, RecallAttempt)} == {"x", "queued"}
    run = after.run
    assert run.status is RunStatus.CANCELLING
    assert {id_: state.status for id_, state in run.nodes.items()} == {
        "x": NodeStatus.RUNNING,
        "queued": NodeStatus.CANCELLED,
        "gate": NodeStatus.CANCELLED,
        "after": NodeStatus.CANCELLED,
    }
    queued, gate = run.nodes["queued"].attempt, run.nodes["gate"].approval
    assert queued is not None
    assert queued.status is AttemptStatus.CANCELLED
    assert gate is not None
    assert gate.status is ApprovalStatus.WITHDRAWN
    run = send(run, apt(s.AttemptSucceeded, run, "x"))
    assert (run.status, run.nodes["x"].status) == (RunStatus.CANCELLED, NodeStatus.SUCCESS)


@pytest.mark.parametrize("signal", [s.AttemptFailed, s.LeaseExpired, s.DeadlineReached])
def test_an_attempt_of_a_cancelled_run_is_not_tried_again(signal: type[Any]) -> None:
    run = in_status(RunStatus.CANCELLING)
    run = send(run, apt(signal, run, "x"))
    assert (run.status, run.nodes["x"].status) == (RunStatus.CANCELLED, NodeStatus.CANCELLED)


def test_a_due_redispatch_is_sent_once_though_two_replicas_read_the_same_row() -> None:
    run = started(node("x"))
    again = apt(s.RedispatchDue, run, "x")
    attempt = run.nodes["x"].attempt
    assert attempt is not None
    assert attempt.redispatch_at is not None
    # Our estimate of Postgres' clock may be a little behind the clock that found the row due.
    after = step(run, again, attempt.redispatch_at - timedelta(seconds=1))
    assert [effect.sends for effect in after.effects if isinstance(effect, DispatchAttempt)] == [2]
    assert step(after.run, again, attempt.redispatch_at).stale
    assert step(after.run, again, attempt.redispatch_at + timedelta(seconds=5)).stale


@pytest.mark.parametrize(
    ("status", "signal", "changes"),
    [
        (NodeStatus.QUEUED, s.RedispatchDue, {"number": 7}),
        (NodeStatus.QUEUED, s.AttemptClaimed, {"number": 7}),
        (NodeStatus.QUEUED, s.AttemptSucceeded, {"number": 7}),
        (NodeStatus.QUEUED, s.AttemptFailed, {"number": 7}),
        (NodeStatus.RUNNING, s.LeaseExpired, {"number": 7}),
        (NodeStatus.RUNNING, s.DeadlineReached, {"number": 7}),
        (NodeStatus.BACKING_OFF, s.RetryDue, {"number": 7}),
        (NodeStatus.WAITING_APPROVAL, s.ApprovalExpired, {"approval": "another"}),
        (NodeStatus.WAITING_APPROVAL, s.ApprovalDecided, {"approval": "another"}),
    ],
)
def test_a_signal_about_another_attempt_or_approval_is_stale(
    status: NodeStatus, signal: type[Any], changes: dict[str, Any]
) -> None:
    run = standing(status)
    sent = apt(signal, run, "x")
    assert not step(run, sent, due(run, sent, START), Values(context={})).stale
    assert step(run, replace(sent, **changes), due(run, sent, START), Values(context={})).stale


@pytest.mark.parametrize(("milliseconds", "sent"), [(5000, []), (5001, [2])])
def test_an_attempt_is_sent_again_once_half_its_delay_is_over(milliseconds: int, sent: list[int]) -> None:
    run = started(node("x"))
    after = step(run, apt(s.RedispatchDue, run, "x"), START + timedelta(milliseconds=milliseconds))
    assert [effect.sends for effect in after.effects if isinstance(effect, DispatchAttempt)] == sent
