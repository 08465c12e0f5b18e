"""One step while it is being decided: the only mutable thing in the engine, and nobody else sees it."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.events import SYSTEM, EventType
from airlock_contracts.failures import Failure
from airlock_contracts.payload import Payload, sha256_hex
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, RunStatus

from .effects import (
    CloseApproval,
    DispatchAttempt,
    Effect,
    Fact,
    KeepInput,
    KeepOutput,
    RecallAttempt,
    RequestApproval,
    RunFinished,
    Step,
    WriteAttempt,
)
from .inputs import more_than_a_step_opens, render_preview, resolve_input
from .plan import PlanNode
from .retry import redispatch_delay
from .signals import Evidence
from .state import ApprovalState, AttemptState, NodeState, RunState, Values

_ACTIVE = (NodeStatus.QUEUED, NodeStatus.RUNNING, NodeStatus.BACKING_OFF)


def payload_of(run: RunState, node: PlanNode, input_sha256: str, preview_sha256: str) -> Payload:
    """What a decision about this node binds, and what a grant tells the host."""
    return Payload(
        project=run.plan.project,
        run=run.id,
        node=node.id,
        agent_content_sha256=node.agent.content_sha256,
        action=node.action,
        input_sha256=input_sha256,
        preview_sha256=preview_sha256,
    )


class Turn:
    """Collects what one step changes, and answers it as a `Step`."""

    def __init__(self, run: RunState, now: datetime, values: Values) -> None:
        self.now = now
        self.status = run.status
        self._run = run
        self._values = values
        self._nodes = dict(run.nodes)
        self._counts = dict(run.counts)
        self._seq = run.last_event
        self._failure = run.failure
        self._events: list[Fact] = []
        self._effects: list[Effect] = []
        self._changed: set[str] = set()
        self._opened_bytes = 0

    def node(self, id_: str) -> NodeState:
        """The node as it stands in this turn."""
        return self._nodes[id_]

    def plan(self, id_: str) -> PlanNode:
        """The node's place in the plan."""
        return self._run.plan.nodes[id_]

    def put(self, id_: str, node: NodeState) -> None:
        """Replace a node's state."""
        before = self._nodes[id_].status
        if node.status is not before:
            self._counts[before] -= 1
            self._counts[node.status] = self._counts.get(node.status, 0) + 1
        self._nodes[id_] = node
        self._changed.add(id_)

    def fact(self, type_: EventType, node: str | None = None, principal: str = SYSTEM, **data: Any) -> None:
        """Append a fact to the journal."""
        self._seq += 1
        shown = {key: value for key, value in data.items() if value is not None}
        self._events.append(Fact(self._seq, type_, self.now, principal, node, shown))

    def effect(self, effect: Effect) -> None:
        """Append something that the shell must do."""
        self._effects.append(effect)

    # --- attempts -----------------------------------------------------------------------------

    def dispatch(self, id_: str) -> None:
        """Queue the node's next attempt."""
        node = self.node(id_)
        number = node.attempt.number + 1 if node.attempt else 1
        attempt = AttemptState(
            number=number,
            status=AttemptStatus.DISPATCHED,
            dispatched_at=self.now,
            redispatch_at=self.now + redispatch_delay(1),
        )
        self.put(
            id_,
            replace(
                node,
                status=NodeStatus.QUEUED,
                attempt=attempt,
                retry_at=None,
            ),
        )
        self.effect(WriteAttempt(id_, attempt))
        self.effect(DispatchAttempt(id_, number, sends=1))
        self.fact(EventType.NODE_QUEUED, id_, attempt=number)

    def end_attempt(self, id_: str, attempt: AttemptState, evidence: Evidence | None = None) -> None:
        """Write down an attempt's end. `attempt` is the current one with its final status."""
        ended = replace(attempt, redispatch_at=None, lease_until=None, deadline=None, finished_at=self.now)
        self.put(id_, replace(self.node(id_), attempt=ended))
        self.effect(WriteAttempt(id_, ended, evidence))

    # --- nodes --------------------------------------------------------------------------------

    def open(self, id_: str) -> None:
        """A PENDING node's parents have all succeeded: ask, queue, or fail."""
        plan = self.plan(id_)
        scope = self._values.scope()
        resolved = resolve_input(plan.inputs, plan.input_validator, scope)
        preview = render_preview(plan.preview, scope) if plan.preview else ""
        for outcome in (resolved, preview):
            if isinstance(outcome, Failure):
                self.finish(id_, NodeStatus.FAILED, failure=outcome)
                return
        assert isinstance(resolved, bytes)
        assert isinstance(preview, str)
        self._opened_bytes += len(resolved) + len(preview)
        if (failure := more_than_a_step_opens(self._opened_bytes)) is not None:
            self.finish(id_, NodeStatus.FAILED, failure=failure)
            return
        node = replace(
            self.node(id_),
            started_at=self.now,
            input_sha256=sha256_hex(resolved),
            preview_sha256=sha256_hex(preview.encode()),
        )
        self.put(id_, node)
        self.effect(KeepInput(id_, resolved))
        if plan.gated:
            self._ask(id_, preview if plan.preview else None)
        else:
            self.dispatch(id_)

    def _ask(self, id_: str, preview: str | None) -> None:
        plan, node = self.plan(id_), self.node(id_)
        assert node.input_sha256 is not None
        assert node.preview_sha256 is not None
        approval = ApprovalState(
            id=str(uuid5(UUID(self._run.id), f"approval/{id_}")),
            status=ApprovalStatus.PENDING,
            payload_sha256=payload_of(self._run, plan, node.input_sha256, node.preview_sha256).sha256,
            expires_at=self.now + plan.approval.expires_in,
        )
        self.put(id_, replace(node, status=NodeStatus.WAITING_APPROVAL, approval=approval))
        self.effect(
            RequestApproval(
                node=id_,
                approval=approval.id,
                payload_sha256=approval.payload_sha256,
                preview=preview,
                expires_at=approval.expires_at,
                on_expiry=plan.approval.on_expiry,
            )
        )
        self.fact(
            EventType.APPROVAL_REQUESTED,
            id_,
            approval=approval.id,
            payload_sha256=approval.payload_sha256,
            expires_at=approval.expires_at.isoformat(),
        )

    def close_approval(
        self, id_: str, status: ApprovalStatus, principal: str = SYSTEM, notes: str = ""
    ) -> None:
        """Write down the answer to the node's gate."""
        node = self.node(id_)
        assert node.approval is not None
        self.put(id_, replace(node, approval=replace(node.approval, status=status, decided_at=self.now)))
        self.effect(CloseApproval(id_, node.approval.id, status, principal, notes, self.now))
        self.fact(
            EventType.APPROVAL_DECIDED,
            id_,
            principal,
            approval=node.approval.id,
            status=status.value,
            payload_sha256=node.approval.payload_sha256,
            notes=notes or None,
        )

    def succeed(
        self,
        id_: str,
        output: bytes,
        value: object,
        artifacts: tuple[ArtifactRef, ...],
        reused_from: str | None = None,
    ) -> None:
        """The node has an accepted output; its children may open."""
        node = self.node(id_)
        self._values = replace(self._values, outputs={**self._values.outputs, id_: value})
        digest = sha256_hex(output)
        self.effect(KeepOutput(id_, output, artifacts))
        self.put(
            id_,
            replace(
                node,
                status=NodeStatus.SUCCESS,
                output_sha256=digest,
                finished_at=self.now,
                reused_from=reused_from,
            ),
        )
        self.fact(
            EventType.NODE_FINISHED,
            id_,
            status=NodeStatus.SUCCESS.value,
            output_sha256=digest,
            reused_from=reused_from,
        )
        for child in self.plan(id_).children:
            node = self.node(child)
            if node.status is NodeStatus.PENDING:
                self.put(child, replace(node, open_parents=node.open_parents - 1))

    def open_children(self, id_: str) -> None:
        """Open those children whose last parent has just succeeded."""
        for child in self.plan(id_).children:
            node = self.node(child)
            if node.status is NodeStatus.PENDING and node.open_parents == 0:
                self.open(child)

    def finish(
        self,
        id_: str,
        status: NodeStatus,
        failure: Failure | None = None,
        principal: str = SYSTEM,
    ) -> None:
        """The node ends without success; all that depend on it are skipped."""
        self.end(id_, status, failure, principal)
        ahead = list(self.plan(id_).children)
        while ahead:
            child = ahead.pop()
            if self.node(child).status is NodeStatus.PENDING:
                self.end(child, NodeStatus.SKIPPED, None, principal)
                ahead.extend(self.plan(child).children)

    def end(
        self, id_: str, status: NodeStatus, failure: Failure | None = None, principal: str = SYSTEM
    ) -> None:
        """The node ends without success; what depends on it is left as it is."""
        self.put(
            id_,
            replace(self.node(id_), status=status, failure=failure, retry_at=None, finished_at=self.now),
        )
        if failure is not None and self._failure is None:
            self._failure = failure
        shown = None if failure is None else failure.model_dump(mode="json")
        self.fact(EventType.NODE_FINISHED, id_, principal, status=status.value, failure=shown)

    def recall(self, id_: str) -> None:
        """Tell hosts to end the node's attempt."""
        attempt = self.node(id_).attempt
        assert attempt is not None
        self.effect(RecallAttempt(id_, attempt.number))

    # --- the run ------------------------------------------------------------------------------

    def step(self) -> Step:
        """Settle the run's status and answer the whole decision."""
        status = self._settled()
        if status is not self.status:
            if status.is_final:
                shown = self._failure.model_dump(mode="json") if self._failure else None
                self.fact(EventType.RUN_FINISHED, status=status.value, failure=shown)
                self.effect(RunFinished(status))
            elif status is RunStatus.WAITING_APPROVAL:
                self.fact(EventType.RUN_WAITING)
            else:  # it waited: a start, or a cancel, has set `self.status` before
                self.fact(EventType.RUN_RESUMED)
        run = replace(
            self._run,
            status=status,
            nodes=self._nodes,
            counts=self._counts,
            last_event=self._seq,
            failure=self._failure,
            finished_at=self.now if status.is_final else None,
        )
        return Step(run, tuple(self._events), tuple(self._effects), frozenset(self._changed))

    def _settled(self) -> RunStatus:
        counts = self._counts
        if all(status.is_final for status, count in counts.items() if count):
            if self.status is RunStatus.CANCELLING:
                return RunStatus.CANCELLED
            return RunStatus.FAILED if counts.get(NodeStatus.FAILED) else RunStatus.SUCCESS
        if self.status is RunStatus.CANCELLING:
            return RunStatus.CANCELLING
        active = any(counts.get(status) for status in _ACTIVE)
        waits = counts.get(NodeStatus.WAITING_APPROVAL) and not active
        return RunStatus.WAITING_APPROVAL if waits else RunStatus.RUNNING
