"""Builds runs for the engine's tests, sends them any signal, and holds what must be true after each."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.manifest import AgentVersion, Manifest
from airlock_contracts.statuses import AttemptStatus, NodeStatus, RunStatus, Verdict
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.effects import (
    DispatchAttempt,
    RequestApproval,
    RunFinished,
    Step,
    WriteAttempt,
)
from airlock_orchestration.engine.plan import make_plan
from airlock_orchestration.engine.retry import MAX_LOSSES
from airlock_orchestration.engine.rules import AFTER_PARENTS, NODE_RULES, RUN_RULES
from airlock_orchestration.engine.state import NodeState, RunState, Values, count_statuses
from airlock_orchestration.engine.step import new_run, step

RUN = "01920000-0000-7000-8000-000000000001"
START = datetime(2026, 1, 1, tzinfo=UTC)
STARTED = s.RunStarted(run=RUN, principal="ada", context_sha256="0" * 64)
MAX_ATTEMPTS = 3

SCHEMA = {"type": "object"}
BASE = {"version": "1.0.0", "type": "RULE", "image": "x", "actions": {"go": {}}}
SCHEMAS = {"input_schema": SCHEMA, "output_schema": SCHEMA}


def agent(name: str, **more: Any) -> AgentVersion:
    manifest = Manifest.model_validate({**BASE, "name": name, "actions": {"go": SCHEMAS}, **more})
    return AgentVersion(
        id="a",
        project="default",
        manifest=manifest,
        image_digest="sha256:" + "0" * 64,
        content_sha256="0" * 64,
        created_at=START,
        created_by="ada",
    )


AGENTS = {
    "free": agent("free"),
    "external": agent("external", network={"egress": ["example.com:443"]}),
    "idempotent": agent("idempotent", network={"egress": ["example.com:443"]}, idempotent=True),
}


def node(id_: str, parents: Sequence[str] = (), kind: str = "free", **more: Any) -> dict[str, Any]:
    retry = {"max_attempts": MAX_ATTEMPTS, "base_delay": "1s"}
    return {"id": id_, "agent": kind, "action": "go", "depends_on": list(parents), "retry": retry, **more}


def new(*nodes: dict[str, Any]) -> RunState:
    """A run that has not started."""
    spec = WorkflowSpec.model_validate({"name": "w", "nodes": list(nodes)})
    return new_run(RUN, make_plan("default", 1, spec, AGENTS))


def started(*nodes: dict[str, Any]) -> RunState:
    return step(new(*nodes), STARTED, START, Values(context={})).run


def random_run(rng: random.Random) -> RunState:
    """A DAG of up to nine nodes of every kind; an input may fail to resolve."""
    nodes = []
    for i in range(rng.randint(1, 9)):
        parents = rng.sample([f"n{j}" for j in range(i)], rng.randint(0, min(i, 3)))
        more: dict[str, Any] = {}
        if rng.random() < 0.25:
            more["approval"] = {"on_expiry": rng.choice(["reject", "skip"])}
        if parents and rng.random() < 0.1:
            more["inputs"] = {"x": f"{{{{ nodes.{parents[0]}.output.missing }}}}"}
        nodes.append(node(f"n{i}", parents, rng.choice(["free", "free", "external", "idempotent"]), **more))
    return new(*nodes)


def apt(signal: type[Any], run: RunState, id_: str) -> Any:
    """The signal that fits the node as it stands, as far as one does."""
    state = run.nodes[id_]
    attempt, approval = state.attempt, state.approval
    about: dict[str, Any] = {"run": run.id, "node": id_, "number": attempt.number if attempt else 1}
    held: dict[str, Any] = {"token": (attempt and attempt.token) or "t1", "host": "h1"}
    asked: dict[str, Any] = {"run": run.id, "node": id_, "approval": approval.id if approval else "none"}
    match signal:
        case s.AttemptClaimed:
            return s.AttemptClaimed(**about, **held)
        case s.AttemptSucceeded:
            return s.AttemptSucceeded(**about, **held, output=b"{}", value={})
        case s.AttemptFailed:
            failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="x", retryable=True)
            return s.AttemptFailed(**about, **held, failure=failure)
        case s.LeaseExpired:
            return s.LeaseExpired(**about)
        case s.ApprovalDecided:
            payload = approval.payload_sha256 if approval else "0" * 64
            return s.ApprovalDecided(
                **asked, verdict=Verdict.APPROVED, principal="ada", payload_sha256=payload
            )
        case s.ApprovalExpired:
            return s.ApprovalExpired(**asked)
        case s.CancelRequested:
            return s.CancelRequested(run.id, "ada")
        case s.RunStarted:
            return STARTED
        case _:
            return signal(**about)


NODE_SIGNALS: tuple[type[Any], ...] = (
    s.RedispatchDue,
    s.AttemptClaimed,
    s.AttemptSucceeded,
    s.AttemptFailed,
    s.LeaseExpired,
    s.RetryDue,
    s.DeadlineReached,
    s.ApprovalDecided,
    s.ApprovalExpired,
)


def random_signal(run: RunState, rng: random.Random) -> Any:
    """Mostly a signal that fits; sometimes a stale, a foreign or an unlikely one."""
    if rng.random() < 0.01:
        return rng.choice([s.CancelRequested(run.id, "ada"), STARTED])
    id_ = rng.choice(list(run.nodes))
    fitting = [signal for signal in NODE_SIGNALS if signal in NODE_RULES[run.nodes[id_].status]]
    signal = apt(rng.choice(fitting if fitting and rng.random() < 0.9 else NODE_SIGNALS), run, id_)
    if isinstance(signal, s.AttemptFailed) and rng.random() < 0.3:
        signal = replace(signal, failure=signal.failure.model_copy(update={"retryable": False}))
    if isinstance(signal, s.ApprovalDecided) and rng.random() < 0.3:
        signal = replace(signal, verdict=Verdict.REJECTED)
    if rng.random() < 0.15:
        change = rng.choice(["number", "token", "approval", "payload_sha256", "node"])
        if hasattr(signal, change):
            other = {"number": rng.randint(0, 9), "node": "gone"}.get(change, "other")
            signal = replace(signal, **{change: other})
    return signal


def due(run: RunState, signal: Any, now: datetime) -> datetime:
    """The time at which the sweeper would send such a signal; it never sends one early."""
    state: NodeState | None = run.nodes.get(getattr(signal, "node", ""))
    if state is None or state.attempt is None:
        return now
    times = {
        s.RedispatchDue: state.attempt.redispatch_at,
        s.LeaseExpired: state.attempt.lease_until,
        s.DeadlineReached: state.attempt.deadline,
        s.RetryDue: state.retry_at,
        s.ApprovalExpired: state.approval.expires_at if state.approval else None,
    }
    return max(now, times.get(type(signal)) or now)


class Witness:
    """Applies signals to one run and asserts after each what must hold whatever comes."""

    def __init__(self, run: RunState) -> None:
        self.run = run
        self.now = START
        self.dispatched: Counter[tuple[str, int, int]] = Counter()
        self.asked: Counter[str] = Counter()
        self.finished = 0
        self.seen: set[tuple[NodeStatus, type[Any], NodeStatus]] = set()
        self.run_seen: set[tuple[RunStatus, type[Any], RunStatus]] = set()
        self.attempts: dict[tuple[str, int], AttemptStatus] = {}
        self.attempts_seen: set[tuple[AttemptStatus, type[Any], AttemptStatus]] = set()

    def send(self, signal: Any) -> Step:
        before, self.now = self.run, due(self.run, signal, self.now) + timedelta(milliseconds=1)
        after = step(before, signal, self.now, Values(context={}, outputs={id_: {} for id_ in before.nodes}))
        if after.stale:
            assert after == Step(before, stale=True)
            assert after.run is before
            return after
        self._journal(before, after)
        self._nodes(before, after, signal)
        self._run(before, after, signal)
        self._effects(after, signal)
        self.run = after.run
        return after

    def _journal(self, before: RunState, after: Step) -> None:
        numbers = [fact.seq for fact in after.events]
        assert numbers == list(range(before.last_event + 1, after.run.last_event + 1))

    def _nodes(self, before: RunState, after: Step, signal: Any) -> None:
        run = after.run
        differing = {id_ for id_ in run.nodes if run.nodes[id_] != before.nodes[id_]}
        assert differing <= after.changed
        assert {status: count for status, count in run.counts.items() if count} == count_statuses(run.nodes)
        cancelled = [id_ for id_ in run.nodes if not before.nodes[id_].status.is_final]
        named = cancelled if isinstance(signal, s.CancelRequested) else [getattr(signal, "node", None)]
        for id_ in differing.union(id_ for id_ in named if id_ is not None):
            was, state = before.nodes[id_], run.nodes[id_]
            assert not was.status.is_final, f"{id_} was final"
            self._moved(id_, was.status, state.status, signal)
            if was.status is NodeStatus.PENDING and state.started_at is not None:
                parents = run.plan.nodes[id_].parents
                assert all(run.nodes[parent].status is NodeStatus.SUCCESS for parent in parents)
        for id_, state in run.nodes.items():
            assert state.failures <= MAX_ATTEMPTS
            assert state.losses <= MAX_LOSSES
            assert state.attempt is None or state.attempt.number <= MAX_ATTEMPTS + MAX_LOSSES
            assert state.status.is_final == (state.finished_at is not None)
            if state.attempt is not None and state.attempt.status.is_final:
                assert state.attempt.finished_at is not None
                assert (state.attempt.redispatch_at, state.attempt.lease_until) == (None, None)
            if not state.status.is_final:
                assert wakes(run.nodes, run.plan.nodes[id_].parents, state), f"{id_} sleeps for ever"

    def _moved(self, id_: str, was: NodeStatus, now: NodeStatus, signal: Any) -> None:
        if getattr(signal, "node", None) == id_:
            self.seen.add((was, type(signal), now))
            assert now in NODE_RULES[was][type(signal)]
        elif isinstance(signal, s.CancelRequested):
            self.seen.add((was, s.CancelRequested, now))
            assert now in NODE_RULES[was][s.CancelRequested]
        else:
            assert was is NodeStatus.PENDING
            assert now in AFTER_PARENTS | {NodeStatus.PENDING}

    def _run(self, before: RunState, after: Step, signal: Any) -> None:
        run = after.run
        self.run_seen.add((before.status, type(signal), run.status))
        assert run.status in RUN_RULES[before.status][type(signal)]
        assert run.status.is_final == all(state.status.is_final for state in run.nodes.values())
        assert run.status.is_final == (run.finished_at is not None)
        counts = count_statuses(run.nodes)
        busy = any(
            counts.get(status) for status in (NodeStatus.QUEUED, NodeStatus.RUNNING, NodeStatus.BACKING_OFF)
        )
        if run.status in (RunStatus.RUNNING, RunStatus.WAITING_APPROVAL):
            waits = bool(counts.get(NodeStatus.WAITING_APPROVAL)) and not busy
            assert (run.status is RunStatus.WAITING_APPROVAL) == waits
        if run.status in (RunStatus.SUCCESS, RunStatus.FAILED):
            assert (run.status is RunStatus.FAILED) == bool(counts.get(NodeStatus.FAILED))

    def _effects(self, after: Step, signal: Any) -> None:
        for effect in after.effects:
            if after.run.status in (RunStatus.CANCELLING, RunStatus.CANCELLED):
                assert not isinstance(effect, DispatchAttempt | RequestApproval), (
                    "a cancelled run starts nothing"
                )
            if isinstance(effect, DispatchAttempt):
                self.dispatched[effect.node, effect.number, effect.sends] += 1
                assert self.dispatched[effect.node, effect.number, effect.sends] == 1
            elif isinstance(effect, WriteAttempt):
                key, status = (effect.node, effect.attempt.number), effect.attempt.status
                if key in self.attempts:
                    assert not self.attempts[key].is_final
                    self.attempts_seen.add((self.attempts[key], type(signal), status))
                self.attempts[key] = status
            elif isinstance(effect, RequestApproval):
                self.asked[effect.node] += 1
                assert self.asked[effect.node] == 1
            elif isinstance(effect, RunFinished):
                self.finished += 1
                assert self.finished == 1


def wakes(nodes: Mapping[str, NodeState], parents: Sequence[str], state: NodeState) -> bool:
    """Whether something will wake a node that is not final: its certificate."""
    attempt = state.attempt
    match state.status:
        case NodeStatus.PENDING:
            open_ = [parent for parent in parents if nodes[parent].status is not NodeStatus.SUCCESS]
            return state.open_parents == len(open_) > 0 and not any(nodes[p].status.is_final for p in open_)
        case NodeStatus.QUEUED:
            return attempt is not None and attempt.redispatch_at is not None
        case NodeStatus.RUNNING:
            if attempt is None or attempt.redispatch_at is not None:
                return False
            return attempt.lease_until is not None and attempt.deadline is not None
        case NodeStatus.BACKING_OFF:
            return state.retry_at is not None
        case NodeStatus.WAITING_APPROVAL:
            return state.approval is not None and state.approval.expires_at > START
        case _:
            return False
