"""Why a run stands where it stands: what keeps it, what ended it, and what a retry would do."""

from dataclasses import replace
from inspect import cleandoc
from typing import Any

import pytest
from airlock_contracts import failures
from airlock_contracts.explanations import Explanation, RetryPlan, WaitReason
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import NodeStatus, RunStatus
from airlock_contracts.views import CancelView
from airlock_orchestration.engine.advice import ADVICE, TO_MEND, todo_for
from airlock_orchestration.engine.explain import TELLING, EndedNode, RunFacts, explain
from explained_nodes import ASKING, HOST, NOW, PENDING, QUEUED, RUN, RUNNING, WORK, after


def facts(status: RunStatus, **changed: Any) -> RunFacts:
    ended = after(-5) if status.is_final else None
    plain = RunFacts(
        id=RUN,
        workflow="review",
        status=status,
        created_at=after(-900),
        finished_at=ended,
        failure=None,
        cancel=None,
        open=(),
        ended=(EndedNode("scan", NodeStatus.SUCCESS, attempt=1),),
        work={"n": WORK, "m": WORK},
        hosts=HOST,
        unwoken=(),
        copies_too_much=False,
        now=NOW,
    )
    return replace(plain, **changed)


TOO_SMALL = Failure(
    kind=FailureKind.SANDBOX, code=failures.MEMORY_EXCEEDED, message="512 MiB were not enough"
)
POISONED = Failure(kind=FailureKind.INTERNAL, code=failures.INTERNAL, message="Airlock could not go on")
CANCEL = CancelView(by="alice", at=after(-30), reason="wrong branch")
NODES = (
    EndedNode("scan", NodeStatus.SUCCESS),
    EndedNode("fix", NodeStatus.FAILED, TOO_SMALL, after(-6), attempt=2, host="host-1"),
    EndedNode("tell", NodeStatus.SKIPPED),
)
NEVER_RAN = EndedNode("mend", NodeStatus.FAILED, POISONED, after(-5))

# A run, and what is said of it as a whole. Times are seconds from now.
SENTENCES: list[tuple[RunFacts, str]] = [
    (
        facts(RunStatus.SUCCESS),
        """
        every node has ended, and none failed
        then nothing: it is over
        since -5
        """,
    ),
    (
        facts(RunStatus.FAILED, ended=NODES, failure=TOO_SMALL),
        """
        fix failed with memory.exceeded: 512 MiB were not enough
        then nothing: it is over; once that is mended, start a new run: a retry keeps the old versions
        since -5
        $ airlock run review --context-of {run}
        """,
    ),
    (
        facts(RunStatus.FAILED, ended=(*NODES, NEVER_RAN), failure=TOO_SMALL, copies_too_much=True),
        """
        fix failed with memory.exceeded: 512 MiB were not enough, and 1 more failed
        then nothing: it is over; it is too large to be retried
        since -5
        $ airlock run review --context-of {run}
        """,
    ),
    (
        facts(RunStatus.FAILED, failure=POISONED),
        """
        it failed: internal: Airlock could not go on
        then nothing: it is over; a retry is a new run of the same versions that copies what succeeded
        since -5
        $ airlock runs retry {run}
        """,
    ),
    (
        facts(RunStatus.FAILED),
        """
        it failed
        then nothing: it is over; a retry is a new run of the same versions that copies what succeeded
        since -5
        $ airlock runs retry {run}
        """,
    ),
    (
        facts(RunStatus.CANCELLED, cancel=CANCEL, ended=NODES),
        """
        alice cancelled it: wrong branch
        then nothing: it is over; a retry is a new run of the same versions that copies what succeeded
        since -5
        $ airlock runs retry {run}
        """,
    ),
    (
        facts(RunStatus.CANCELLED, cancel=CancelView(by="bob", at=NOW), copies_too_much=True),
        """
        bob cancelled it, without a reason
        then nothing: it is over; it is too large to be retried
        since -5
        $ airlock run review --context-of {run}
        """,
    ),
    (
        facts(RunStatus.CANCELLED),
        """
        it was cancelled
        then nothing: it is over; a retry is a new run of the same versions that copies what succeeded
        since -5
        $ airlock runs retry {run}
        """,
    ),
    (
        facts(RunStatus.CANCELLING, cancel=CANCEL, open=(RUNNING,)),
        """
        alice cancelled it: wrong branch; what runs must end first: host-1 was told to end attempt 2
        then the run ends CANCELLED once its attempts have ended
        since -30; at +240
        $ airlock runs watch {run}
        """,
    ),
    (
        facts(RunStatus.CANCELLING, open=(RUNNING,)),
        """
        it was cancelled; what runs must end first: host-1 was told to end attempt 2
        then the run ends CANCELLED once its attempts have ended
        since -900; at +240
        $ airlock runs watch {run}
        """,
    ),
    (
        facts(RunStatus.RUNNING, open=(RUNNING, replace(QUEUED, id="m")), hosts=[]),
        """
        m: no agent host of pool default is up
        then a host that starts in this pool takes it
        since -7
        $ airlock hosts
        """,
    ),
    (
        facts(RunStatus.RUNNING, open=(replace(RUNNING, id="m", started_at=None), RUNNING)),
        """
        m: attempt 2 runs on host-1, which holds it by a lease that it renews
        then the attempt ends by itself, or its time is over
        since -900; at +240
        $ airlock runs watch {run}
        """,
    ),
    (
        facts(RunStatus.RUNNING, open=(RUNNING, replace(RUNNING, id="m", deadline=after(30)))),
        """
        m: attempt 2 runs on host-1, which holds it by a lease that it renews
        then the attempt ends by itself, or its time is over
        since -60; at +30
        $ airlock runs watch {run}
        """,
    ),
    (
        facts(
            RunStatus.WAITING_APPROVAL,
            open=(replace(PENDING, id="m", parents=("n",)), replace(ASKING, expires_at=after(-9)), ASKING),
        ),
        """
        n: nobody decided about say of echo@1.0.0 in time
        then it counts as rejected: the node fails with approval.expired
        since -600; at -9
        """,
    ),
    (
        facts(RunStatus.RUNNING, unwoken=("node n: no lease", "node m: no time")),
        """
        something of it would sleep for ever: node n: no lease, node m: no time; this is a bug of Airlock
        then cancel the run, retry it, and report the bug
        since -900
        $ airlock runs cancel {run}
        """,
    ),
]


def told(said: Explanation) -> str:
    """All that is said of a run as a whole, as the table has it."""
    since = f"since {(said.since - NOW).total_seconds():+g}"
    at = f"; at {(said.at - NOW).total_seconds():+g}" if said.at else ""
    command = f"$ {said.command}" if said.command else ""
    return "\n".join([said.why, f"then {said.then}", since + at, command]).rstrip()


@pytest.mark.parametrize(("run", "said"), SENTENCES)
def test_a_run_is_explained_by_what_ended_it_or_keeps_it_most(run: RunFacts, said: str) -> None:
    assert told(explain(run)) == cleandoc(said).replace("{run}", RUN)


@pytest.mark.parametrize("run", [run for run, _ in SENTENCES])
def test_an_explanation_names_its_run_and_only_the_certificate_calls_it_a_bug(run: RunFacts) -> None:
    said = explain(run)
    assert (said.run, said.workflow, said.status, said.now) == (RUN, "review", run.status, NOW)
    assert (said.bug, said.cancel) == (bool(run.unwoken), run.cancel)
    assert [one.node for one in said.waiting] == [one.id for one in run.open]


def test_what_waits_is_explained_by_the_runs_own_surroundings() -> None:
    said = explain(
        facts(RunStatus.RUNNING, open=(PENDING, replace(RUNNING, id="m"), replace(QUEUED, id="n")))
    )
    assert [one.since for one in said.waiting] == [after(-900), after(-60), after(-7)]
    assert said.waiting[1].command == f"airlock runs watch {RUN}"


def test_every_reason_has_its_place_among_those_that_tell_most() -> None:
    assert set(TELLING) == set(WaitReason)


def test_what_failed_says_where_why_and_what_to_do() -> None:
    said = explain(facts(RunStatus.FAILED, ended=(*NODES, NEVER_RAN), failure=TOO_SMALL))
    fix, mend = said.failed
    assert (fix.node, fix.kind, fix.code, fix.message) == (
        "fix",
        FailureKind.SANDBOX,
        "memory.exceeded",
        "512 MiB were not enough",
    )
    assert (fix.attempt, fix.host, fix.at) == (f"{RUN}/fix/2", "host-1", after(-6))
    assert fix.todo == ADVICE[failures.MEMORY_EXCEEDED]
    assert (mend.node, mend.attempt, mend.host, mend.at) == ("mend", None, None, after(-5))


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED])
def test_a_retry_copies_what_succeeded_and_redoes_the_rest(status: RunStatus) -> None:
    ended = facts(status, ended=NODES)
    assert explain(ended).retry == RetryPlan(possible=True, copies=["scan"], redoes=["fix", "tell"])
    assert explain(replace(ended, copies_too_much=True)).retry == RetryPlan(
        possible=False, why_not="its outputs are more than a retry copies", redoes=["fix", "tell"]
    )


@pytest.mark.parametrize("status", [RunStatus.SUCCESS, RunStatus.RUNNING])
def test_what_did_not_end_without_success_is_not_retried(status: RunStatus) -> None:
    assert explain(facts(status, open=(RUNNING,))).retry is None


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_the_next_command_is_a_retry_only_where_the_same_versions_may_do_better(code: str) -> None:
    failure = Failure(kind=FailureKind.AGENT, code=code, message="no")
    said = explain(facts(RunStatus.FAILED, ended=(EndedNode("fix", NodeStatus.FAILED, failure, NOW),)))
    assert said.command is not None
    assert said.command.startswith("airlock run review " if code in TO_MEND else "airlock runs retry ")
    assert code not in TO_MEND or "retry the run" not in ADVICE[code]


def test_a_failure_that_is_but_likely_for_memory_is_retried_first() -> None:
    failure = Failure(
        kind=FailureKind.SANDBOX,
        code=failures.MEMORY_EXCEEDED,
        message="likely for its memory",
        retryable=True,
    )
    said = explain(facts(RunStatus.FAILED, ended=(EndedNode("fix", NodeStatus.FAILED, failure, NOW),)))
    assert said.command == f"airlock runs retry {RUN}"
    assert said.failed[0].todo.startswith("Retry the run;")


def test_every_code_of_airlocks_own_says_what_to_do() -> None:
    own = {value for name, value in vars(failures).items() if name.isupper() and isinstance(value, str)}
    assert set(ADVICE) == own
    failed = [
        Failure(kind=FailureKind.AGENT, code=code, message="no") for code in (*ADVICE, "agent.of_my_own")
    ]
    *said, any_other = [todo_for(failure) for failure in failed]
    assert said == list(ADVICE.values())
    assert any_other == (
        "The agent gave this code of its own; its message and the end of its stderr say more."
    )
