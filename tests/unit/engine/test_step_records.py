"""What each signal makes of a run, whole: states, facts for the journal, and what the shell must do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import Verdict
from airlock_orchestration.engine import signals as s
from airlock_orchestration.engine.effects import Step
from airlock_orchestration.engine.retry import MAX_LOSSES
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import step
from engine_runs import RUN, START, STARTED, apt, new, node, started
from step_records import record

WRITTEN = Path(__file__).parent / "step_records.txt"
MEANT = "run python tests/unit/engine/test_step_records.py, and read what changed"
HEAD = "Steps, each with its run, the nodes that changed, the facts and the effects; times are seconds."
VALUES = Values(context={"text": "hi"}, outputs={"p": {"n": 1}})
EVIDENCE = s.Evidence(stderr_tail="oh", usage=Usage())
TREE = ArtifactRef(artifact="sha256:" + "a" * 64, size=3, media_type="text/plain")


def calm(id_: str, parents: tuple[str, ...] = (), kind: str = "free", **more: Any) -> dict[str, Any]:
    """A node whose retries wait as long as their policy says."""
    retry = {"max_attempts": 3, "base_delay": "2s", "factor": 3, "max_delay": "10s", "jitter": "none"}
    return {**node(id_, parents, kind, **more), "retry": retry}


def sent(run: RunState, *signals: Any, after: int = 0) -> Step:
    """The last step of several, the first a second after the start (`after` more), the next one later."""
    last = Step(run)
    for second, signal in enumerate(signals, 1 + after):
        aimed = apt(signal, last.run, "x") if isinstance(signal, type) else signal
        last = step(last.run, aimed, START + timedelta(seconds=second), VALUES)
        assert not last.stale, aimed
    return last


def x(*parents: str, **more: Any) -> RunState:
    """A run that waits for the one node `x`, on which `child` depends."""
    return started(calm("x", parents, **more), calm("child", ("x",)))


def aimed(signal: type[Any], **changes: Any) -> Any:
    return replace(apt(signal, x(), "x"), **changes)


def decided(run: RunState, **changes: Any) -> Any:
    return replace(apt(s.ApprovalDecided, run, "x"), **changes)


def starting() -> Step:
    """A retry: one node is taken over, one asks, one is queued, one lacks what it reads."""
    run = new(
        calm("p"),
        calm(
            "gate", ("p",), inputs={"n": "{{ nodes.p.output.n }}"}, approval={"preview": "{{ context.text }}"}
        ),
        calm("free", inputs={"text": "{{ context.text }}"}),
        calm("lost", inputs={"text": "{{ context.nope }}"}),
        calm("blind", approval={"preview": "{{ context.nope }}"}),
    )
    reuse = s.Reuse("p", b'{"n":1}', "earlier", (TREE,))
    return step(run, replace(STARTED, reuse=(reuse,), retry_of="earlier"), START, VALUES)


GATED = x(approval={"expires_in": "1h"})
LOST = [s.AttemptClaimed, s.LeaseExpired]
FINAL = Failure(kind=FailureKind.AGENT, code="agent.error", message="no")


def cancelled() -> RunState:
    """A run that was asked to end while `x` runs, `queued` is queued, `resting` backs off and `gate` asks."""
    run = started(
        calm("x"),
        calm("queued"),
        calm("resting"),
        calm("gate", approval={}),
        calm("child", ("x",)),
        calm("done"),
    )
    for signal, id_ in (
        (s.AttemptClaimed, "x"),
        (s.AttemptFailed, "resting"),
        (s.AttemptSucceeded, "done"),
    ):
        run = step(run, apt(signal, run, id_), START, VALUES).run
    return run


CANCEL = s.CancelRequested(RUN, "bob", "wrong branch")

STORIES: dict[str, Callable[[], Step]] = {
    "a start opens what has no parents and takes over what is reused": starting,
    "a start in which all is taken over ends the run": lambda: step(
        new(calm("p")), replace(STARTED, reuse=(s.Reuse("p", b"{}", "earlier"),)), START
    ),
    "a start that meets a gate waits": lambda: step(new(calm("x", approval={})), STARTED, START, VALUES),
    "a claim makes the attempt run": lambda: sent(x(), s.AttemptClaimed),
    "a node's own time is shorter than its agent's": lambda: sent(x(timeout="5s"), s.AttemptClaimed),
    "a success is kept and opens the children": lambda: sent(
        x(),
        s.AttemptClaimed,
        aimed(s.AttemptSucceeded, output=b'{"n":2}', value={"n": 2}, artifacts=(TREE,), evidence=EVIDENCE),
    ),
    "a report without a claim is the claim": lambda: sent(x(), s.AttemptSucceeded),
    "a failure that may pass is tried again later": lambda: sent(
        x(), s.AttemptClaimed, aimed(s.AttemptFailed, evidence=EVIDENCE)
    ),
    "the second failure waits longer": lambda: sent(x(), s.AttemptFailed, s.RetryDue, s.AttemptFailed),
    "the last failure ends the node and skips its children": lambda: sent(
        x(), s.AttemptFailed, s.RetryDue, s.AttemptFailed, s.RetryDue, s.AttemptFailed
    ),
    "a failure that stays is not tried again": lambda: sent(x(), aimed(s.AttemptFailed, failure=FINAL)),
    "a retry is the next attempt": lambda: sent(x(), s.AttemptFailed, s.RetryDue),
    "an attempt that nobody claimed is sent again": lambda: sent(x(), s.RedispatchDue, after=9),
    "a deadline recalls the attempt and tries again": lambda: sent(x(), s.AttemptClaimed, s.DeadlineReached),
    "a deadline of what may not be repeated ends the node": lambda: sent(
        x(kind="external"), s.AttemptClaimed, s.DeadlineReached
    ),
    "a lost attempt is followed by another": lambda: sent(x(), *LOST),
    "the last loss ends the node": lambda: sent(x(), *LOST * MAX_LOSSES),
    "a loss with effects is for a person": lambda: sent(x(kind="external"), *LOST),
    "an approval lets the node go": lambda: sent(GATED, decided(GATED, notes="fine")),
    "a rejection ends the node": lambda: sent(
        GATED, decided(GATED, verdict=Verdict.REJECTED, notes="too risky")
    ),
    "a rejection without a word": lambda: sent(GATED, decided(GATED, verdict=Verdict.REJECTED)),
    "an expiry rejects": lambda: sent(GATED, s.ApprovalExpired),
    "an expiry skips where it is told to": lambda: sent(x(approval={"on_expiry": "skip"}), s.ApprovalExpired),
    "a cancel ends what does not run and recalls what does": lambda: sent(cancelled(), CANCEL),
    "a cancel without a reason": lambda: sent(GATED, replace(CANCEL, reason="")),
    "a failure after a cancel": lambda: sent(cancelled(), CANCEL, s.AttemptFailed),
    "a loss after a cancel": lambda: sent(cancelled(), CANCEL, s.LeaseExpired),
    "a deadline after a cancel": lambda: sent(cancelled(), CANCEL, s.DeadlineReached),
    "a success after a cancel": lambda: sent(cancelled(), CANCEL, s.AttemptSucceeded),
}


def written() -> dict[str, str]:
    """The records on the page, by their headings."""
    _, *sections = WRITTEN.read_text(encoding="utf-8").split("## ")
    return dict(section.rstrip().split("\n", 1) for section in sections)


@pytest.mark.parametrize("name", STORIES)
def test_a_step_is_what_its_record_says_and_nothing_else(name: str) -> None:
    assert record(STORIES[name]()) == written()[name], f"if it is meant: {MEANT}"


def test_every_record_has_its_story() -> None:
    assert list(written()) == list(STORIES)


if __name__ == "__main__":
    WRITTEN.write_text(
        f"{HEAD}\n" + "".join(f"\n## {name}\n{record(take())}\n" for name, take in STORIES.items()),
        encoding="utf-8",
    )
