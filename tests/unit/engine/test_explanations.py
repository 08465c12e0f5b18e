"""Why a run stands where it stands: what keeps it, what ended it, and what a retry would do."""

from dataclasses import replace
from typing import Any

from airlock_contracts import failures
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import NodeStatus, RunStatus
from airlock_contracts.views import CancelView
from airlock_orchestration.engine.advice import ADVICE, todo_for
from airlock_orchestration.engine.explain import EndedNode, RunFacts, explain
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


def test_a_run_is_explained_by_what_keeps_it_most() -> None:
    after_all = replace(PENDING, id="m", parents=("n",))
    said = explain(facts(RunStatus.RUNNING, open=(RUNNING, replace(QUEUED, id="m")), hosts=[]))
    assert said.why == "m: no agent host of pool default is up"
    said = explain(facts(RunStatus.WAITING_APPROVAL, open=(ASKING, after_all)))
    assert said.why == "n: a person must decide about say of echo@1.0.0"
    assert (said.since, said.at, said.command) == (
        after(-600),
        after(3600),
        "airlock approvals show the-approval",
    )
    assert [one.node for one in said.waiting] == ["n", "m"]
    assert said.retry is None


def test_a_failed_run_says_where_why_what_to_do_and_what_a_retry_does() -> None:
    gone = Failure(kind=FailureKind.SANDBOX, code=failures.MEMORY_EXCEEDED, message="512 MiB were not enough")
    nodes = (
        EndedNode("scan", NodeStatus.SUCCESS),
        EndedNode("fix", NodeStatus.FAILED, gone, after(-5), attempt=2, host="host-1"),
        EndedNode("tell", NodeStatus.SKIPPED),
    )
    said = explain(facts(RunStatus.FAILED, ended=nodes, failure=gone))
    assert said.why == "fix failed with memory.exceeded: 512 MiB were not enough"
    assert [(one.node, one.attempt, one.host, one.page) for one in said.failed] == [
        ("fix", f"{RUN}/fix/2", "host-1", "/docs/errors/memory.exceeded")
    ]
    assert said.failed[0].todo == ADVICE[failures.MEMORY_EXCEEDED]
    assert said.retry is not None
    assert (said.retry.possible, said.retry.copies, said.retry.redoes) == (True, ["scan"], ["fix", "tell"])
    assert said.command == f"airlock runs retry {RUN}"
    too_much = explain(facts(RunStatus.FAILED, ended=nodes, failure=gone, copies_too_much=True))
    assert too_much.retry is not None
    assert (too_much.retry.possible, too_much.retry.copies) == (False, [])
    assert too_much.command == "airlock run review"


def test_a_run_that_failed_without_a_node_says_so_itself() -> None:
    poisoned = Failure(kind=FailureKind.INTERNAL, code=failures.INTERNAL, message="Airlock could not go on")
    said = explain(facts(RunStatus.FAILED, failure=poisoned))
    assert said.why == "it failed: internal: Airlock could not go on"


def test_a_cancelled_run_says_who_and_why() -> None:
    cancel = CancelView(by="alice", at=after(-30), reason="wrong branch")
    said = explain(facts(RunStatus.CANCELLED, cancel=cancel))
    assert (said.why, said.cancel) == ("alice cancelled it: wrong branch", cancel)
    assert said.retry is not None
    said = explain(facts(RunStatus.CANCELLING, cancel=cancel, open=(RUNNING,)))
    assert said.why == (
        "alice cancelled it: wrong branch; what runs must end first: host-1 was told to end attempt 2"
    )
    assert said.since == after(-30)
    wordless = explain(facts(RunStatus.CANCELLED, cancel=CancelView(by="bob", at=NOW)))
    assert wordless.why == "bob cancelled it, without a reason"


def test_a_run_that_succeeded_needs_nothing() -> None:
    said = explain(facts(RunStatus.SUCCESS))
    assert (said.why, said.retry, said.command) == ("every node has ended, and none failed", None, None)


def test_what_the_certificate_lists_is_called_a_bug() -> None:
    said = explain(facts(RunStatus.RUNNING, unwoken=("the run: all its nodes are over",)))
    assert said.bug
    assert "the run: all its nodes are over; this is a bug of Airlock" in said.why


def test_every_code_of_airlocks_own_says_what_to_do() -> None:
    own = {value for name, value in vars(failures).items() if name.isupper() and isinstance(value, str)}
    assert set(ADVICE) == own
    assert "its message" in todo_for("agent.of-my-own")
