"""How long a run took, and for how much of that it only waited for people."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airlock_contracts.statuses import Verdict
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import step
from airlock_orchestration.telemetry.durations import lasted, worked
from engine_runs import RUN, START, STARTED, new, node


@dataclass
class Told:
    """A run that is told what happens, second by second."""

    run: RunState

    def at(self, seconds: float, signal: Any) -> None:
        values = Values(context={}, outputs={id_: {} for id_ in self.run.nodes})
        after = step(self.run, signal, START + timedelta(seconds=seconds), values)
        assert not after.stale
        self.run = after.run

    def reports(self, seconds: float, id_: str, number: int = 1) -> None:
        about = {"run": RUN, "node": id_, "number": number, "token": "t" * 16, "host": "h"}
        self.at(seconds, s.AttemptSucceeded(**about, output=b"{}", value={}))  # type: ignore[arg-type]

    def claims(self, seconds: float, id_: str, number: int = 1) -> None:
        self.at(seconds, s.AttemptClaimed(RUN, id_, number, "t" * 16, "h"))

    def decides(self, seconds: float, id_: str, verdict: Verdict) -> None:
        asked = self.run.nodes[id_].approval
        assert asked is not None
        self.at(seconds, s.ApprovalDecided(RUN, id_, asked.id, verdict, "ada", asked.payload_sha256))

    @property
    def figures(self) -> tuple[float, float]:
        return lasted(self.run).total_seconds(), worked(self.run).total_seconds()


def told(*nodes: dict[str, Any]) -> Told:
    one = Told(new(*nodes))
    one.at(0, STARTED)
    return one


def test_a_run_without_a_gate_works_all_the_time() -> None:
    one = told(node("a"), node("b", ["a"]))
    one.reports(3, "a")
    one.reports(10, "b")
    assert one.figures == (10, 10)


def test_waiting_at_a_gate_is_no_work_and_what_follows_it_is() -> None:
    one = told(node("a"), node("gate", ["a"], approval={}))
    one.reports(3, "a")
    one.decides(103, "gate", Verdict.APPROVED)
    one.claims(105, "gate")
    one.at(150, s.LeaseExpired(RUN, "gate", 1))
    one.claims(151, "gate", 2)
    one.reports(160, "gate", 2)
    assert one.figures == (160, 3 + 57)


def test_what_runs_beside_a_gate_is_work() -> None:
    one = told(node("gate", approval={}), node("a"), node("b"))
    one.reports(4, "a")
    one.reports(30, "b")
    one.decides(20 + 30, "gate", Verdict.REJECTED)
    assert one.figures == (50, 30)


def test_work_side_by_side_is_worked_once() -> None:
    one = told(node("long"), node("short"), node("next", ["short"]), node("gate", approval={}))
    one.reports(5, "short")
    one.reports(8, "next")
    one.reports(20, "long")
    one.decides(100, "gate", Verdict.APPROVED)
    one.claims(101, "gate")
    one.reports(110, "gate")
    assert one.figures == (110, 30)


def test_a_run_that_only_asked_did_not_work() -> None:
    one = told(node("gate", approval={}))
    asked = one.run.nodes["gate"].approval
    assert asked is not None
    one.at(3600, s.ApprovalExpired(RUN, "gate", asked.id))
    assert one.figures == (3600, 0)


def test_a_run_that_ends_as_it_begins_took_no_time() -> None:
    assert told(node("a", inputs={"x": "{{ context.missing }}"})).figures == (0, 0)


def test_work_that_was_cancelled_was_work() -> None:
    one = told(node("a"))
    one.at(60, s.CancelRequested(RUN, "ada"))
    assert one.figures == (60, 60)
