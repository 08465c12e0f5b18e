"""What one fixed statement did to a run that the engine could not go on with, as the step it stands for."""

from airlock_contracts.events import SYSTEM, EventType
from airlock_contracts.statuses import ApprovalStatus

from ..engine.effects import CloseApproval, Effect, Fact, RunFinished, Step, WriteAttempt
from ..engine.state import NodeState, RunState


def forced_end(run: RunState) -> Step:
    """What ended with a run that was ended by force, for those who tell of commits."""
    assert run.finished_at is not None
    last = {id_: node for id_, node in run.nodes.items() if node.finished_at == run.finished_at}
    ends = [one for id_, node in last.items() for one in (_attempt(id_, node), _question(id_, node))]
    effects: list[Effect] = [one for one in ends if one is not None]
    failure = None if run.failure is None else run.failure.model_dump(mode="json")
    data = {"status": run.status.value, "failure": failure}
    fact = Fact(run.last_event, EventType.RUN_FINISHED, run.finished_at, SYSTEM, None, data)
    return Step(run, (fact,), (*effects, RunFinished(run.status)), frozenset(last))


def _attempt(id_: str, node: NodeState) -> WriteAttempt | None:
    attempt = node.attempt
    if attempt is None or attempt.finished_at != node.finished_at:
        return None
    return WriteAttempt(id_, attempt)


def _question(id_: str, node: NodeState) -> CloseApproval | None:
    approval = node.approval
    if approval is None or approval.status is not ApprovalStatus.WITHDRAWN or node.finished_at is None:
        return None
    return CloseApproval(id_, approval.id, approval.status, SYSTEM, "", node.finished_at)
