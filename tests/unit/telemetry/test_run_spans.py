"""What ends of any run becomes one tree of spans, and recording it holds up nobody."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from airlock_chassis.bus import Ack, AlreadyThere, Outgoing, PublishUnknown
from airlock_chassis.telemetry import metrics
from airlock_chassis.telemetry.traces import child_of, span_id
from airlock_contracts.failures import INTERNAL, Failure, FailureKind
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, RunStatus
from airlock_contracts.subjects import AttemptSubject, Subjects
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.effects import RequestApproval, Step
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import step
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.operations.poisoned import forced_end
from airlock_orchestration.telemetry import spans as recording
from airlock_orchestration.telemetry.endings import EndedSpan, endings
from airlock_orchestration.telemetry.spans import Spans
from engine_runs import RUN, START, STARTED, Witness, new, node, random_run, random_signal
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SUBJECTS = Subjects()
GOOD = {"SUCCESS", "SKIPPED", "APPROVED"}


class Recorder:
    """A run whose commits are turned into spans, and the names that those must have."""

    def __init__(self, run: RunState) -> None:
        self.witness = Witness(replace(run, traceparent=PARENT))
        self.spans: list[EndedSpan] = []
        self.asked: set[str] = set()

    def send(self, signal: Any) -> None:
        self.take(self.witness.send(signal))

    def take(self, one: Step) -> None:
        ended = endings(Committed(one, None))
        spans = list(ended.spans())
        assert len(ended) == len(spans)
        self.spans += spans
        self.asked |= {effect.approval for effect in one.effects if isinstance(effect, RequestApproval)}

    def cut_off(self) -> None:
        """The run is poisoned: one statement ends it, and the engine is not asked."""
        run, now = self.witness.run, self.witness.now + timedelta(milliseconds=1)
        failure = Failure(kind=FailureKind.INTERNAL, code=INTERNAL, message="x")
        nodes = {id_: _cut_off(state, failure, now) for id_, state in run.nodes.items()}
        run = replace(run, status=RunStatus.FAILED, failure=failure, finished_at=now, nodes=nodes)
        self.take(forced_end(run))

    def check(self) -> None:
        """Each thing that there was has one span, under the one that it belongs to, within its time."""
        run = self.witness.run
        attempts = {f"{RUN}/{id_}/{number}" for id_, number, _ in self.witness.dispatched}
        queues = {f"{attempt}/wait" for attempt in attempts}
        things = {RUN, *attempts, *queues, *self.asked, *(f"{RUN}/{id_}" for id_ in run.nodes)}
        by_id = {one.id: one for one in self.spans}
        assert Counter(one.id for one in self.spans) == Counter(span_id(thing) for thing in things)
        for one in self.spans:
            if one.id == span_id(RUN):
                assert one.parent == PARENT
                continue
            assert one.parent is not None
            above = by_id[one.parent.split("-")[2]]
            assert above.start <= one.start <= one.end <= above.end, (one, above)
            assert (one.error is None) == (one.attributes.get("airlock.status", "SUCCESS") in GOOD), one
            assert all(link.split("-")[2] in by_id for link in one.links)


def _cut_off(state: Any, failure: Failure, now: datetime) -> Any:
    if state.status.is_final:
        return state
    status = NodeStatus.CANCELLED if state.status is NodeStatus.PENDING else NodeStatus.FAILED
    attempt, approval = state.attempt, state.approval
    if attempt is not None and not attempt.status.is_final:
        attempt = replace(attempt, status=AttemptStatus.CANCELLED, finished_at=now)
    if approval is not None and approval.status is ApprovalStatus.PENDING:
        approval = replace(approval, status=ApprovalStatus.WITHDRAWN)
    ended = {"status": status, "failure": failure, "finished_at": now}
    return replace(state, attempt=attempt, approval=approval, **ended)


@pytest.mark.parametrize("seed", range(60))
def test_any_run_is_one_tree_of_spans_in_which_nothing_is_missing_and_nothing_twice(seed: int) -> None:
    rng = random.Random(seed)
    recorder = Recorder(random_run(rng))
    recorder.send(STARTED)
    while not recorder.witness.run.status.is_final:
        recorder.send(random_signal(recorder.witness.run, rng))
    recorder.check()


@pytest.mark.parametrize("seed", range(60))
def test_a_run_that_is_cut_off_is_one_tree_too(seed: int) -> None:
    rng = random.Random(seed)
    recorder = Recorder(random_run(rng))
    recorder.send(STARTED)
    for _ in range(rng.randint(0, 25)):
        if not recorder.witness.run.status.is_final:
            recorder.send(random_signal(recorder.witness.run, rng))
    if not recorder.witness.run.status.is_final:
        recorder.cut_off()
    recorder.check()


def test_a_gate_that_expires_is_an_expired_wait_and_a_node_that_only_was_skipped() -> None:
    recorder = Recorder(new(node("ask", approval={"on_expiry": "skip"})))
    recorder.send(STARTED)
    recorder.witness.now += timedelta(hours=24)
    recorder.send(s.ApprovalExpired(RUN, "ask", next(iter(recorder.asked))))
    wait, skipped, run = recorder.spans
    assert (wait.name, wait.error, wait.start) == ("approval.wait", "approval.expired", run.start)
    assert wait.end - wait.start >= timedelta(hours=24)
    assert (skipped.attributes["airlock.status"], skipped.error) == ("SKIPPED", None)
    assert (run.attributes["airlock.status"], run.error) == ("SUCCESS", None)


@pytest.mark.parametrize(
    ("usage", "queued"),
    [
        (Usage(), 60),  # until its claim
        (Usage(start_ms=2_000, run_ms=3_000), 60),
        (Usage(start_ms=2_000, run_ms=18_000), 50),  # it claimed when it ran already
    ],
)
def test_an_attempts_time_in_the_queue_is_a_span_below_it(usage: Usage, queued: int) -> None:
    recorder = Recorder(new(node("a")))
    recorder.send(STARTED)
    recorder.witness.now = START + timedelta(seconds=60)
    recorder.send(s.AttemptClaimed(RUN, "a", 1, "t" * 16, "host-1"))
    recorder.witness.now = START + timedelta(seconds=70)
    evidence = s.Evidence(usage=usage)
    done = s.AttemptSucceeded(RUN, "a", 1, "t" * 16, "host-1", output=b"{}", value={}, evidence=evidence)
    recorder.send(done)
    waited, attempt, *_ = recorder.spans
    assert (waited.name, attempt.name) == ("attempt.wait", "invoke_agent free")
    assert waited.parent == child_of(PARENT, f"{RUN}/a/1")
    assert waited.start == attempt.start
    assert round((waited.end - waited.start).total_seconds()) == queued
    assert waited.attributes == {
        "airlock.run": RUN,
        "airlock.node": "a",
        "airlock.attempt": 1,
        "airlock.pool": "default",
    }


def test_an_attempt_that_no_host_had_was_in_the_queue_to_its_end() -> None:
    recorder = Recorder(new(node("a")))
    recorder.send(STARTED)
    recorder.witness.now = START + timedelta(seconds=60)
    recorder.send(s.CancelRequested(RUN, "ada"))
    waited, attempt, *_ = recorder.spans
    assert (waited.name, waited.start, waited.end) == ("attempt.wait", attempt.start, attempt.end)
    assert (waited.error, attempt.error) == (None, "cancelled")


def wide(traceparent: str = PARENT, nodes: int = 200) -> Committed:
    """A commit that cancels very many nodes."""
    run = replace(new(*(node(f"n{n}") for n in range(nodes))), traceparent=traceparent)
    begun = step(run, STARTED, START, Values(context={})).run
    return Committed(step(begun, s.CancelRequested(RUN, "ada"), START), None)


def strange(many: int, after: int = 0) -> tuple[list[Outgoing], list[Ack]]:
    """Messages of which nobody knows what they are about, behind some that are as they should be."""
    known = SUBJECTS.invocation(AttemptSubject("default", RUN, "a", 1))
    subjects = [known] * after + ["of-nobody"] * many
    messages = [Outgoing(subject, b"", headers={"traceparent": PARENT}) for subject in subjects]
    return messages, [Ack("s", 1, False)] * len(messages)


async def recorded_by(spans: Spans) -> None:
    """Let it record what waits, to the end."""
    stop = asyncio.Event()
    stop.set()
    await spans.run(stop)


async def test_others_have_many_turns_while_a_wide_run_is_recorded(
    recorded_spans: InMemorySpanExporter,
) -> None:
    spans = Spans(SUBJECTS, lambda: START)
    spans.hand_over([wide()])
    recording_all = asyncio.create_task(recorded_by(spans))
    turns = 0
    while not recording_all.done():
        turns += 1
        await asyncio.sleep(0)
    assert len(recorded_spans.get_finished_spans()) == 200 * 3 + 1
    assert turns >= 601 // recording.AT_ONCE


async def test_what_is_too_much_is_dropped_and_counted(
    recorded_spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_WAITING", 25)
    dropped = metrics.telemetry_dropped_total.labels("traces")
    before = dropped._value.get()
    spans = Spans(SUBJECTS, lambda: START)
    spans.hand_over([wide(nodes=3), wide(nodes=5), wide(nodes=4)])  # three of each node, and one
    await recorded_by(spans)
    assert len(recorded_spans.get_finished_spans()) == 10 + 13
    assert dropped._value.get() - before == 16
    spans.hand_over([wide(nodes=8)])  # there is room again
    await recorded_by(spans)
    assert len(recorded_spans.get_finished_spans()) == 10 + 13 + 25


async def test_what_cannot_be_recorded_takes_no_room_from_what_comes_after(
    recorded_spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_WAITING", 10)
    spans = Spans(SUBJECTS, lambda: START)
    spans.sent(*strange(10), START)
    with pytest.raises(ValueError, match="of-nobody"):
        await recorded_by(spans)
    spans.hand_over([wide(nodes=3)])
    await recorded_by(spans)
    assert len(recorded_spans.get_finished_spans()) == 10


async def test_what_stood_behind_what_cannot_be_recorded_is_counted_or_recorded(
    recorded_spans: InMemorySpanExporter,
) -> None:
    dropped = metrics.telemetry_dropped_total.labels("traces")
    before = dropped._value.get()
    spans, stop = Spans(SUBJECTS, lambda: START), asyncio.Event()
    spans.sent(*strange(3, after=1), START)
    spans.hand_over([wide(nodes=2)])
    with pytest.raises(ValueError, match="of-nobody"):
        await spans.run(stop)
    assert len(recorded_spans.get_finished_spans()) == 1
    assert dropped._value.get() - before == 3
    begun_again = asyncio.create_task(spans.run(stop))
    async with asyncio.timeout(5):
        while len(recorded_spans.get_finished_spans()) < 1 + 7:  # nothing arrives meanwhile
            await asyncio.sleep(0)
    stop.set()
    await begun_again
    assert dropped._value.get() - before == 3


def test_what_waits_to_be_recorded_keeps_no_other_nodes_of_its_run() -> None:
    run = step(new(node("a"), node("b")), STARTED, START, Values(context={})).run
    done = s.AttemptSucceeded(RUN, "a", 1, "t" * 16, "host-1", output=b"{}", value={})
    ended = endings(Committed(step(run, done, START), None))
    assert (list(ended.run.nodes), len(ended)) == (["a"], 3)


async def test_a_run_that_is_not_kept_leaves_nothing_waiting(recorded_spans: InMemorySpanExporter) -> None:
    spans = Spans(SUBJECTS, lambda: START)
    spans.hand_over([wide(PARENT[:-1] + "0"), wide("garbage")])
    message = Outgoing("x", b"", headers={"traceparent": PARENT[:-1] + "0"})
    spans.sent([message, Outgoing("x", b"")], [Ack("s", 1, False)] * 2, START)
    await recorded_by(spans)
    assert recorded_spans.get_finished_spans() == ()


async def test_each_sending_is_a_span_under_its_attempt_and_says_whether_it_is_known_to_have_come(
    recorded_spans: InMemorySpanExporter,
) -> None:
    subject = SUBJECTS.invocation(AttemptSubject("default", RUN, "a", 2))
    messages = [
        Outgoing(
            subject, b"payload", f"{RUN}/a/2/{n}", {"traceparent": str(child_of(PARENT, f"{RUN}/a/2/{n}"))}
        )
        for n in (1, 2, 3)
    ]
    spans = Spans(SUBJECTS, lambda: START + timedelta(seconds=1))
    spans.sent(messages, [PublishUnknown("no answer"), AlreadyThere(subject), Ack("s", 1, False)], START)
    await recorded_by(spans)
    sent = recorded_spans.get_finished_spans()
    assert [one.context.span_id for one in sent if one.context] == [
        int(span_id(f"{RUN}/a/2/{n}"), 16) for n in (1, 2, 3)
    ]
    assert {one.parent.span_id for one in sent if one.parent} == {int(span_id(f"{RUN}/a/2"), 16)}
    assert [(one.attributes or {}).get("error.type") for one in sent] == ["PublishUnknown", None, None]
    assert {(one.end_time or 0) - (one.start_time or 0) for one in sent} == {1_000_000_000}
