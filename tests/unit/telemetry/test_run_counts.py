"""What a commit says about runs, attempts and approvals is counted, once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest
from airlock_chassis.telemetry.metrics import REGISTRY
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import RunStatus, Verdict
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.plan import make_plan
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import fold, new_run
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.store.door.changes import RunCreation
from airlock_orchestration.telemetry.counts import count
from engine_runs import AGENTS, RUN, START, STARTED, node

TOKEN = "t" * 16
ATTEMPT = {"run": RUN, "node": "a", "number": 1, "token": TOKEN, "host": "host-1"}
CLAIMED = s.AttemptClaimed(**ATTEMPT)  # type: ignore[arg-type]
USAGE = Usage(start_ms=250, run_ms=1750, cpu_ms=500, peak_memory_bytes=2**25)
CREATION = RunCreation(
    workflow_id="w",
    workflow_version_id="v",
    context=b"{}",
    context_sha256="0" * 64,
    agents={},
    created_by="ada",
    trigger_kind="api",
)
SECOND = timedelta(seconds=1)
RUNS = "workflow_runs_total"


class Ledger:
    """A run whose commits are counted, and what the counting added since the test began."""

    def __init__(self, workflow: str, *nodes: dict[str, Any], tags: list[str]) -> None:
        spec = WorkflowSpec.model_validate({"name": workflow, "nodes": list(nodes), "tags": tags})
        self.run: RunState = new_run(RUN, make_plan("default", 1, spec, AGENTS), trigger="api")
        self.now = START
        self._before = dict(_samples())
        self.send(STARTED, creation=CREATION)

    def send(self, *signals: Any, creation: RunCreation | None = None, after: timedelta = SECOND) -> None:
        """Commit these signals, some time after the last ones."""
        self.now += after
        step, _ = fold(self.run, signals, self.now, Values(context={}))
        self.run = step.run
        count([Committed(step, creation)])

    def succeed(self, usage: Usage = USAGE, *, after: timedelta = SECOND) -> None:
        evidence = s.Evidence(usage=usage)
        done = s.AttemptSucceeded(**ATTEMPT, output=b"{}", value={}, evidence=evidence)  # type: ignore[arg-type]
        self.send(done, after=after)

    def fail(self, code: str = "agent.error", *, retryable: bool = False) -> None:
        failure = Failure(kind=FailureKind.AGENT, code=code, message="x", retryable=retryable)
        evidence = s.Evidence(usage=USAGE)
        self.send(s.AttemptFailed(**ATTEMPT, failure=failure, evidence=evidence))  # type: ignore[arg-type]

    def decide(self, verdict: Verdict) -> None:
        approval = self.run.nodes["a"].approval
        assert approval is not None
        self.send(s.ApprovalDecided(RUN, "a", approval.id, verdict, "ada", approval.payload_sha256))

    def added(self, name: str, **labels: str) -> float:
        """By how much a sample has grown."""
        key = (name, tuple(sorted(labels.items())))
        return dict(_samples()).get(key, 0.0) - self._before.get(key, 0.0)


def _samples() -> Iterator[tuple[tuple[str, tuple[tuple[str, str], ...]], float]]:
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            yield (sample.name, tuple(sorted(sample.labels.items()))), sample.value


def ledger(workflow: str, *, tags: list[str] | None = None, **more: Any) -> Ledger:
    return Ledger(workflow, node("a", **more), tags=tags or [])


def test_a_run_is_counted_when_it_begins_and_when_it_ends_by_its_trigger() -> None:
    made = ledger("began")
    assert made.added("workflow_runs_total", workflow="began", status="STARTED", trigger="api") == 1
    made.succeed()
    assert made.added("workflow_runs_total", workflow="began", status="SUCCESS", trigger="api") == 1
    assert made.added("workflow_duration_seconds_sum", workflow="began", status="SUCCESS") == 1


def test_how_a_run_and_its_attempts_may_end_is_shown_as_none_so_that_the_first_is_an_increase() -> None:
    ledger("shown")
    shown = {name: value for name, value in _samples() if ("workflow", "shown") in name[1]}
    runs = {dict(labels)["status"]: value for (name, labels), value in shown.items() if name == RUNS}
    assert runs == {"STARTED": 1, "SUCCESS": 0, "FAILED": 0, "CANCELLED": 0}
    names = [labels for (name, labels), _ in _samples() if name == "agent_runs_total"]
    assert {dict(labels)["status"] for labels in names} >= {"SUCCESS", "FAILED", "LOST", "CANCELLED"}


def test_what_a_run_may_come_to_is_shown_as_nothing_before_it_has() -> None:
    made = ledger("expected", tags=["red"])
    of_run = [
        ("workflow_runs_total", {"status": status, "trigger": "api"}) for status in ("SUCCESS", "FAILED")
    ]
    of_cost = [("workflow_container_seconds_total", {"tag": tag}) for tag in ("", "red")]
    for name, labels in of_run + of_cost:
        assert REGISTRY.get_sample_value(name, {"workflow": "expected", **labels}) == 0, name
    assert made.run.status is RunStatus.RUNNING


def test_how_a_question_may_be_answered_is_shown_as_never_from_when_it_is_asked() -> None:
    ledger("not-asked")
    ledger("just-asked", approval={})
    waits = "workflow_approval_wait_seconds_count"
    for status in ("APPROVED", "REJECTED", "EXPIRED", "WITHDRAWN"):
        assert REGISTRY.get_sample_value(waits, {"workflow": "just-asked", "status": status}) == 0, status
        assert REGISTRY.get_sample_value(waits, {"workflow": "not-asked", "status": status}) is None, status
    assert REGISTRY.get_sample_value("workflow_resumption_seconds_count", {"workflow": "just-asked"}) == 0


def test_a_run_that_ends_as_it_begins_lasted_no_time() -> None:
    made = ledger("broken", inputs={"x": "{{ context.missing }}"})
    assert made.added("workflow_runs_total", workflow="broken", status="FAILED", trigger="api") == 1
    assert made.added("workflow_duration_seconds_count", workflow="broken", status="FAILED") == 1
    assert made.added("workflow_duration_seconds_sum", workflow="broken", status="FAILED") == 0


def test_a_report_is_counted_once_however_often_it_comes() -> None:
    made = ledger("repeated", tags=["red", "blue"])
    for _ in range(3):
        made.succeed()
    made.fail()
    for tag in ("", "red", "blue"):
        assert made.added("workflow_container_seconds_total", workflow="repeated", tag=tag) == 2.0
        assert made.added("workflow_cpu_seconds_total", workflow="repeated", tag=tag) == 0.5
    assert made.added("agent_container_seconds_total", agent="free") == 2.0
    assert made.added("sandbox_cpu_seconds_total", agent="free") == 0.5
    assert made.added("sandbox_peak_memory_bytes_sum", agent="free") == 2**25
    assert made.added("agent_runs_total", agent="free", action="go", status="SUCCESS") == 1
    assert made.added("agent_duration_seconds_count", agent="free", action="go") == 1
    assert made.added("attempt_wait_seconds_count", pool="default") == 1
    assert made.added("agent_errors_total", agent="free", kind="agent", code="agent.error") == 0


def test_an_agent_is_no_slower_for_the_queue_before_it_which_is_told_apart() -> None:
    made = ledger("queued")
    made.succeed(after=timedelta(minutes=1))
    assert made.added("agent_duration_seconds_sum", agent="free", action="go") == 1.75
    assert made.added("attempt_wait_seconds_sum", pool="default") == 58


@pytest.mark.parametrize(("claimed", "ended", "waits"), [(5, 10, 5), (9, 10, 8), (1, 1, 0)])
def test_what_follows_a_claim_or_comes_before_it_is_no_waiting(claimed: int, ended: int, waits: int) -> None:
    made = ledger("claimed")
    made.send(CLAIMED, after=claimed * SECOND)
    made.succeed(after=(ended - claimed) * SECOND)
    assert made.added("attempt_wait_seconds_sum", pool="default") == waits
    assert made.added("agent_duration_seconds_sum", agent="free", action="go") == 1.75


@pytest.mark.parametrize("nonsense", [nan, inf, -1.0, 1e300, 25 * 3600 * 1000])
def test_what_cannot_have_been_measured_costs_nothing(nonsense: float) -> None:
    made = ledger("nonsense")
    made.succeed(Usage(start_ms=1000, run_ms=nonsense, cpu_ms=64 * nonsense, peak_memory_bytes=-1))
    assert made.added("workflow_container_seconds_total", workflow="nonsense", tag="") == 1
    assert made.added("workflow_cpu_seconds_total", workflow="nonsense", tag="") == 0
    assert made.added("agent_duration_seconds_count", agent="free", action="go") == 0
    assert made.added("sandbox_peak_memory_bytes_count", agent="free") == 0


def test_an_attempt_that_was_not_measured_is_counted_without_cost() -> None:
    made = ledger("unmeasured")
    made.succeed(Usage())
    assert made.added("agent_runs_total", agent="free", action="go", status="SUCCESS") == 1
    assert made.added("workflow_container_seconds_total", workflow="unmeasured", tag="") == 0


def test_a_failed_attempt_costs_and_its_successor_is_a_retry() -> None:
    made = ledger("retried")
    made.fail(retryable=True)
    assert made.added("agent_errors_total", agent="free", kind="agent", code="agent.error") == 1
    assert made.added("workflow_container_seconds_total", workflow="retried", tag="") == 2.0
    assert made.added("agent_retries_total", agent="free") == 0
    made.send(s.RetryDue(RUN, "a", 1), after=timedelta(minutes=1))
    assert made.added("agent_retries_total", agent="free") == 1
    assert made.added("attempts_total", status="DISPATCHED") == 2


def test_an_attempt_that_is_sent_again_is_no_other_attempt() -> None:
    made = ledger("sent-again")
    made.send(s.RedispatchDue(RUN, "a", 1), after=timedelta(minutes=1))
    made.send(CLAIMED)
    assert made.added("attempts_total", status="DISPATCHED") == 1
    assert made.added("attempts_total", status="RUNNING") == 1
    assert made.added("agent_retries_total", agent="free") == 0


def test_a_lapsed_lease_is_counted_as_one_and_as_a_lost_attempt() -> None:
    made = ledger("lapsed")
    made.send(CLAIMED)
    made.send(s.LeaseExpired(RUN, "a", 1))
    assert made.added("leases_lost_total") == 1
    assert made.added("attempts_total", status="LOST") == 1
    assert made.added("agent_runs_total", agent="free", action="go", status="LOST") == 1
    assert made.added("agent_retries_total", agent="free") == 1
    assert made.added("workflow_container_seconds_total", workflow="lapsed", tag="") == 0
    assert made.added("attempt_wait_seconds_sum", pool="default") == 1
    assert made.added("agent_duration_seconds_count", agent="free", action="go") == 0


def test_a_claim_and_its_report_in_one_commit_are_both_counted() -> None:
    made = ledger("at-once", approval={})
    made.decide(Verdict.APPROVED)
    failure = Failure(kind=FailureKind.TIMEOUT, code="timeout.exceeded", message="x")
    made.send(CLAIMED, s.AttemptFailed(**ATTEMPT, failure=failure))  # type: ignore[arg-type]
    assert made.added("workflow_resumption_seconds_sum", workflow="at-once") == 1
    assert made.added("attempts_total", status="RUNNING") == 1
    assert made.added("agent_errors_total", agent="free", kind="timeout", code="timeout.exceeded") == 1


def test_an_attempt_that_nobody_had_took_no_time_and_cost_nothing() -> None:
    made = ledger("withdrawn")
    made.send(s.CancelRequested(RUN, "ada"))
    assert made.added("agent_runs_total", agent="free", action="go", status="CANCELLED") == 1
    assert made.added("agent_duration_seconds_count", agent="free", action="go") == 0
    assert made.added("attempt_wait_seconds_count", pool="default") == 0
    assert made.added("workflow_container_seconds_total", workflow="withdrawn", tag="") == 0


def test_an_attempt_that_is_cut_short_costs_what_it_took_and_says_nothing_of_its_agents_time() -> None:
    made = ledger("cut-short")
    made.send(CLAIMED)
    made.send(s.CancelRequested(RUN, "ada"))
    failure = Failure(kind=FailureKind.CANCELLED, code="cancelled", message="x")
    made.send(s.AttemptFailed(**ATTEMPT, failure=failure, evidence=s.Evidence(usage=USAGE)))  # type: ignore[arg-type]
    assert made.added("agent_runs_total", agent="free", action="go", status="CANCELLED") == 1
    assert made.added("workflow_container_seconds_total", workflow="cut-short", tag="") == 2.0
    assert made.added("workflow_cpu_seconds_total", workflow="cut-short", tag="") == 0.5
    assert made.added("agent_duration_seconds_count", agent="free", action="go") == 0


def test_what_was_let_through_resumes_once_and_only_a_gate_does() -> None:
    made = ledger("resumed", approval={})
    made.decide(Verdict.APPROVED)
    made.send(CLAIMED)
    made.send(CLAIMED)
    made.send(s.LeaseExpired(RUN, "a", 1))
    made.send(replace(CLAIMED, number=2))
    assert made.added("workflow_resumption_seconds_count", workflow="resumed") == 1
    free = ledger("ungated")
    free.send(CLAIMED)
    assert free.added("workflow_resumption_seconds_count", workflow="ungated") == 0


@pytest.mark.parametrize("status", ["APPROVED", "REJECTED", "EXPIRED", "WITHDRAWN"])
def test_a_question_waits_until_it_is_closed_whoever_closes_it(status: str) -> None:
    made = ledger("asked", approval={})
    approval = made.run.nodes["a"].approval
    assert approval is not None
    match status:
        case "EXPIRED":
            made.send(s.ApprovalExpired(RUN, "a", approval.id))
        case "WITHDRAWN":
            made.send(s.CancelRequested(RUN, "ada"))
        case _:
            made.decide(Verdict(status))
    assert made.added("workflow_approval_wait_seconds_sum", workflow="asked", status=status) == 1
    assert made.added("workflow_approval_wait_seconds_count", workflow="asked", status=status) == 1
