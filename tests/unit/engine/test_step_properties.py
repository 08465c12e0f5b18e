"""Whatever signals come, in whatever order and however often, a run keeps its promises."""

import random
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import permutations

import pytest
from airlock_contracts.statuses import NodeStatus, RunStatus
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.effects import DispatchAttempt, Effect, Fact
from airlock_orchestration.engine.rules import NODE_RULES, RUN_RULES
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import fold, needs, step
from engine_runs import (
    NODE_SIGNALS,
    RUN,
    START,
    STARTED,
    Witness,
    apt,
    node,
    random_run,
    random_signal,
    started,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)


def drive(seed: int, signals: int) -> Witness:
    """Send random signals to a random run until it is final."""
    rng = random.Random(seed)
    witness = Witness(random_run(rng))
    witness.send(STARTED)
    for _ in range(signals):
        if witness.run.status.is_final:
            break
        witness.send(random_signal(witness.run, rng))
    return witness


@given(SEEDS)
@settings(max_examples=150)
def test_any_signals_keep_every_promise(seed: int) -> None:
    drive(seed, 300)


@given(SEEDS)
@settings(max_examples=50)
def test_the_same_signal_twice_changes_nothing_the_second_time(seed: int) -> None:
    rng = random.Random(seed)
    witness = Witness(random_run(rng))
    witness.send(STARTED)
    for _ in range(100):
        signal = random_signal(witness.run, rng)
        witness.send(signal)
        again = step(witness.run, signal, witness.now, Values(context={}))
        assert (again.run, again.events, again.effects) == (witness.run, (), ())


@given(SEEDS)
@settings(max_examples=50)
def test_the_same_signals_give_the_same_run_every_time(seed: int) -> None:
    assert drive(seed, 100).run.nodes == drive(seed, 100).run.nodes


@given(SEEDS)
@settings(max_examples=50)
def test_a_final_run_hears_nothing_more(seed: int) -> None:
    rng = random.Random(seed)
    witness = drive(seed, 2000)
    if witness.run.status.is_final:
        for _ in range(50):
            assert witness.send(random_signal(witness.run, rng)).stale


@given(SEEDS)
@settings(max_examples=50)
def test_a_run_whose_attempts_all_succeed_and_whose_gates_all_open_ends(seed: int) -> None:
    """Nothing lost: only hosts and people who answer are needed to end a run."""
    witness = Witness(random_run(random.Random(seed)))
    witness.send(STARTED)
    for _ in range(100):
        for id_, state in witness.run.nodes.items():
            if state.status is NodeStatus.WAITING_APPROVAL:
                witness.send(apt(s.ApprovalDecided, witness.run, id_))
            elif state.status is NodeStatus.QUEUED:
                witness.send(apt(s.AttemptClaimed, witness.run, id_))
            elif state.status is NodeStatus.RUNNING:
                witness.send(apt(s.AttemptSucceeded, witness.run, id_))
    assert witness.run.status in (RunStatus.SUCCESS, RunStatus.FAILED)
    assert witness.finished == 1


@given(SEEDS)
@settings(max_examples=50)
def test_a_run_that_nobody_answers_ends_by_its_due_times_alone(seed: int) -> None:
    """Hosts take work and fall silent, people do not look: the sweeper ends the run."""
    witness = Witness(random_run(random.Random(seed)))
    witness.send(STARTED)
    wakeups = {
        NodeStatus.QUEUED: s.AttemptClaimed,
        NodeStatus.RUNNING: s.LeaseExpired,
        NodeStatus.BACKING_OFF: s.RetryDue,
        NodeStatus.WAITING_APPROVAL: s.ApprovalExpired,
    }
    for _ in range(50):
        for id_, state in witness.run.nodes.items():
            if state.status in wakeups:
                witness.send(apt(wakeups[state.status], witness.run, id_))
    assert witness.run.status.is_final


@pytest.mark.parametrize("order", list(permutations(["a", "b", "c"])))
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_join_starts_exactly_once_however_its_parents_finish(order: tuple[str, ...], batch: int) -> None:
    run = started(node("a"), node("b"), node("c"), node("join", ["a", "b", "c"]))
    finished = [apt(s.AttemptSucceeded, run, id_) for id_ in order]
    starts = 0
    for first in range(0, 3, batch):
        signals = finished[first : first + batch]
        # Each report comes twice, as a message that was delivered again would.
        whole, stale = fold(run, [*signals, *signals], START, Values(context={}))
        assert stale == (False,) * len(signals) + (True,) * len(signals)
        run = whole.run
        starts += sum(
            isinstance(effect, DispatchAttempt) and effect.node == "join" for effect in whole.effects
        )
        assert starts == (1 if first + batch >= 3 else 0)
    assert run.nodes["join"].status is NodeStatus.QUEUED


@given(SEEDS)
@settings(max_examples=50)
def test_a_batch_decides_what_its_signals_decide_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    run = step(random_run(rng), STARTED, START, Values(context={})).run
    values = Values(context={}, outputs={id_: {} for id_ in run.nodes})
    for _ in range(10):
        signals = [random_signal(run, rng) for _ in range(6)]
        whole, stale = fold(run, signals, START, values)
        events: list[Fact] = []
        effects: list[Effect] = []
        for signal, was_stale in zip(signals, stale, strict=True):
            one = step(run, signal, START, values)
            assert one.stale is was_stale
            run = one.run
            events.extend(one.events)
            effects.extend(one.effects)
        assert (whole.run, list(whole.events), list(whole.effects)) == (run, events, effects)


@given(SEEDS)
@settings(max_examples=50)
def test_needs_names_what_templates_read_and_never_raises(seed: int) -> None:
    rng = random.Random(seed)
    run = random_run(rng)
    assert needs(run, [STARTED]) <= {"context"} | {f"nodes.{id_}" for id_ in run.nodes}
    run = step(run, STARTED, START, Values(context={})).run
    for _ in range(30):
        signal = random_signal(run, rng)
        wanted = needs(run, [signal])
        held: dict[str, object] = {root.removeprefix("nodes."): {} for root in wanted if root != "context"}
        run = step(run, signal, START, Values(context={}, outputs=held)).run


def test_needs_names_an_output_that_no_signal_of_the_batch_brings() -> None:
    join = node("join", ["a", "b"], inputs={"x": "{{ nodes.a.output }}", "y": "{{ nodes.b.output }}"})
    run = started(node("a"), node("b"), join)
    a, b = (apt(s.AttemptSucceeded, run, id_) for id_ in "ab")
    assert needs(run, [a]) == frozenset()
    assert needs(run, [a, b]) == frozenset()
    assert needs(step(run, a, START).run, [b]) == {"nodes.a"}


def test_100000_random_signals_take_seconds_and_use_every_row_of_the_tables(
    tell_figure: Callable[[str], None],
) -> None:
    seen: defaultdict[tuple[NodeStatus, type], set[NodeStatus]] = defaultdict(set)
    runs: defaultdict[tuple[RunStatus, type], set[RunStatus]] = defaultdict(set)
    sent = seed = 0
    start = time.thread_time()
    while sent < 100_000:
        rng = random.Random(seed)
        seed += 1
        witness = Witness(random_run(rng))
        witness.send(STARTED)
        count = 0
        while not witness.run.status.is_final and count < 1000:
            witness.send(random_signal(witness.run, rng))
            count += 1
        sent += count
        for was, signal, now in witness.seen:
            seen[was, signal].add(now)
        for before, signal, after in witness.run_seen:
            runs[before, signal].add(after)
    seconds = time.thread_time() - start
    tell_figure(f"{sent} signals to {seed} runs, all invariants: {seconds:.1f} s")
    assert seconds < 60
    named = {
        (status, signal): set(to) for status, rules in NODE_RULES.items() for signal, to in rules.items()
    }
    assert dict(seen) == named
    for (before, signal), targets in runs.items():
        assert targets <= RUN_RULES[before][signal]


def test_steps_alone_are_quick(tell_figure: Callable[[str], None]) -> None:
    rng = random.Random(7)
    run: RunState = step(random_run(rng), STARTED, START, Values(context={})).run
    signals = [random_signal(run, rng) for _ in range(1000)]
    start = time.thread_time()
    for _ in range(20):
        for signal in signals:
            step(run, signal, START, Values(context={}, outputs={id_: {} for id_ in run.nodes}))
    seconds = time.thread_time() - start
    tell_figure(f"one step: {seconds / 20_000 * 1e6:.0f} us")
    assert seconds < 10


@pytest.mark.parametrize("signal", NODE_SIGNALS)
def test_a_signal_about_an_unknown_node_is_stale(signal: type) -> None:
    run = started(node("a"))
    lost = apt(signal, started(node("a"), node("gone")), "gone")
    assert lost.run == RUN
    assert step(run, lost, START).stale
    assert needs(run, [lost]) == frozenset()
