"""Several signals at once: one step for all of them, each with what those before it brought."""

from dataclasses import replace
from typing import Any

from airlock_contracts.statuses import NodeStatus
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.effects import KeepInput, Step
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import fold, needs, step
from engine_runs import START, STARTED, apt, new, node, started


def succeeded(run: RunState, id_: str, value: object) -> s.AttemptSucceeded:
    report: s.AttemptSucceeded = apt(s.AttemptSucceeded, run, id_)
    return replace(report, value=value)


def test_a_batch_is_one_step_with_all_that_its_signals_lead_to() -> None:
    run = started(node("a"), node("b"), node("c"))
    claims = [apt(s.AttemptClaimed, run, id_) for id_ in "ab"]
    whole, stale = fold(run, [claims[0], apt(s.RetryDue, run, "c"), claims[1]], START, Values())
    first = step(run, claims[0], START)
    second = step(first.run, claims[1], START)
    assert stale == (False, True, False)
    assert whole == Step(
        second.run, first.events + second.events, first.effects + second.effects, frozenset("ab"), stale=False
    )


def test_a_batch_of_which_nothing_counts_is_stale() -> None:
    run = started(node("a"))
    due = apt(s.RetryDue, run, "a")
    assert fold(run, [due, due], START, Values()) == (Step(run, stale=True), (True, True))


def test_what_a_signal_brings_is_read_by_those_behind_it_beside_what_was_loaded() -> None:
    texts = {name: f"{{{{ nodes.{name}.output.n }}}}" for name in "abc"}
    run = started(node("a"), node("b"), node("c"), node("join", ["a", "b", "c"], inputs=texts))
    run = step(run, succeeded(run, "a", {"n": 1}), START).run
    b, c = succeeded(run, "b", {"n": 2}), succeeded(run, "c", {"n": 3})
    again = replace(b, value={"n": 9})
    whole, stale = fold(run, [b, again, c], START, Values(outputs={"a": {"n": 1}}))
    assert stale == (False, True, False)
    assert [effect.input for effect in whole.effects if isinstance(effect, KeepInput)] == [
        b'{"a":1,"b":2,"c":3}'
    ]


def test_a_node_reads_the_output_that_opens_it() -> None:
    run = started(node("a"), node("next", ["a"], inputs={"n": "{{ nodes.a.output.n }}"}))
    after = step(run, succeeded(run, "a", {"n": 1}), START)
    assert [effect.input for effect in after.effects if isinstance(effect, KeepInput)] == [b'{"n":1}']


def test_what_is_needed_is_all_that_the_nodes_read_which_open() -> None:
    def reads(*roots: str) -> dict[str, Any]:
        return {root: f"{{{{ {root} }}}}" for root in roots}

    run = new(
        node("a", inputs=reads("context")),
        node("b"),
        node("left", ["a"], inputs=reads("nodes.a.output")),
        node("right", ["a", "b"], inputs=reads("nodes.a.output", "nodes.b.output", "context")),
        node("last", ["left"], inputs=reads("nodes.a.output", "nodes.left.output")),
        node("late", ["left", "right"], inputs=reads("nodes.b.output")),
    )
    taken = s.Reuse("a", b"{}", "earlier")
    both = s.Reuse("b", b"{}", "earlier")
    assert needs(run, [STARTED]) == {"context"}
    assert needs(run, [replace(STARTED, reuse=(taken,))]) == frozenset()
    assert needs(run, [replace(STARTED, reuse=(taken, both))]) == {"context"}
    run = step(run, STARTED, START, Values(context=1)).run
    run = step(run, succeeded(run, "b", 2), START).run
    assert needs(run, [succeeded(run, "a", 1)]) == {"context", "nodes.b"}
    run = step(run, succeeded(run, "a", 1), START, Values(context=1, outputs={"b": 2})).run
    assert run.nodes["right"].status is NodeStatus.QUEUED
    assert needs(run, [succeeded(run, "left", 1)]) == {"nodes.a"}
    assert needs(run, [succeeded(run, "left", 1), succeeded(run, "right", 1)]) == {"nodes.a", "nodes.b"}
    assert needs(run, [apt(s.AttemptClaimed, run, "left")]) == frozenset()
