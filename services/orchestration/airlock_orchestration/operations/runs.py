"""Runs: started by a trigger or as a retry, cancelled, and looked at."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from airlock_chassis.ids import uuid7
from airlock_chassis.telemetry.traces import traceparent
from airlock_contracts import strict_json
from airlock_contracts.artifacts import find_artifacts
from airlock_contracts.manifest import AgentVersion
from airlock_contracts.problems import Finding
from airlock_contracts.statuses import RunStatus
from airlock_contracts.views import RunAccepted, RunSummary, RunView
from airlock_contracts.workflow import WorkflowSpec

from ..engine.checks import check_workflow
from ..engine.plan import Plan
from ..engine.signals import CancelRequested, Reuse, RunStarted
from ..errors import (
    ContextInvalid,
    IdempotencyMismatch,
    NodeBytesUnknown,
    NodeUnknown,
    RunFinal,
    RunNotRetryable,
    RunUnknown,
    StoreUnavailable,
    WorkflowInvalid,
    counted,
)
from ..store import agents as agent_store
from ..store import events as event_store
from ..store import runs as run_store
from ..store import views, workflows
from ..store.door.changes import RunCreation
from ..store.plans import PlanKey, PlanSource
from ..store.retries import MAX_COPIED_BYTES, EndedRun, load_ended
from ..store.sessions import Sessions
from . import workflows as workflow_operations
from .advance import Door
from .agents import unknown_agent
from .contexts import Context, ContextChecks
from .pages import Cursor, Slice, slice_of
from .principals import Principal

_MAX_REASON = 1000
_KEPT = 512  # checks of workflow versions with their pins


@dataclass(frozen=True, slots=True)
class Started:
    """The answer to a trigger."""

    accepted: RunAccepted
    replayed: bool
    """The same trigger was accepted before: this is its run."""


class Runs:
    """Starts runs through the door, and shows them."""

    def __init__(self, sessions: Sessions, door: Door, plans: PlanSource) -> None:
        self._sessions = sessions
        self._door = door
        self._plans = plans
        self._contexts = ContextChecks(sessions)
        self._checked: OrderedDict[PlanKey, tuple[Finding, ...]] = OrderedDict()

    async def trigger(
        self,
        principal: Principal,
        workflow: str,
        context: Context,
        *,
        number: int | None = None,
        key: str | None = None,
        kind: str = "api",
        same: bytes | None = None,
    ) -> Started:
        """Start a run of a workflow, by its id or name; the newest version unless one is numbered.

        The same idempotency key with the same request answers the run that it made; `same` is what two such
        requests share, where it is not the version and the whole context. Raises WorkflowUnknown,
        ContextInvalid, IdempotencyMismatch, StoreUnavailable: then no run was started, except after the last,
        where asking again with the same key tells.
        """
        pair = await workflow_operations.find(self._sessions, principal, workflow, number)
        fingerprint = _fingerprint(b"trigger", str(number).encode(), same or context.data)
        if key is not None:
            found = await self._made_by(principal, pair[0].id, key, fingerprint)
            if found is not None:
                return found
        spec = workflows.to_spec(pair[1])
        artifacts = await self._contexts.check(context, pair[1].id, spec)
        pins = await self._pin(principal, pair[1].id, spec)
        creation = RunCreation(
            workflow_id=str(pair[0].id),
            workflow_version_id=str(pair[1].id),
            context=context.data,
            context_sha256=hashlib.sha256(context.data).hexdigest(),
            agents={reference: agent.id for reference, agent in pins.items()},
            created_by=principal.name,
            trigger_kind=kind,
            trigger_key=key,
            trigger_fingerprint=fingerprint if key is not None else None,
            traceparent=traceparent(),
            artifacts=artifacts,
        )
        return await self._start(principal, creation, ())

    async def retry(self, principal: Principal, run: UUID, *, key: str | None = None) -> Started:
        """Start a new run that copies what succeeded in one that FAILED or was CANCELLED.

        It has the same workflow version, agent versions and context; gates ask again. Raises RunUnknown,
        RunNotRetryable, IdempotencyMismatch, StoreUnavailable.
        """
        async with self._sessions.reading() as session:
            ended = await load_ended(session, principal.project, run)
        if ended is None:
            raise _unknown(run)
        fingerprint = _fingerprint(b"retry", str(run).encode())
        if key is not None:
            found = await self._made_by(principal, ended.workflow_id, key, fingerprint)
            if found is not None:
                return found
        if ended.status not in (RunStatus.FAILED, RunStatus.CANCELLED):
            raise RunNotRetryable(f"run {run} is {ended.status}", status=ended.status)
        if ended.output_bytes > MAX_COPIED_BYTES:
            raise RunNotRetryable(
                f"run {run} has {ended.output_bytes} bytes of outputs; at most {MAX_COPIED_BYTES} are copied",
                hint="Trigger the workflow again; let its agents give large things out as artifacts.",
            )
        reuse = await asyncio.to_thread(_reuse, ended)
        creation = RunCreation(
            workflow_id=str(ended.workflow_id),
            workflow_version_id=str(ended.workflow_version_id),
            context=ended.context,
            context_sha256=hashlib.sha256(ended.context).hexdigest(),
            agents=ended.agents,
            created_by=principal.name,
            trigger_kind="retry",
            retry_of=str(run),
            retried_traceparent=ended.traceparent,
            trigger_key=key,
            trigger_fingerprint=fingerprint if key is not None else None,
            traceparent=traceparent(),
            artifacts=_digests(ended.context),
        )
        return await self._start(principal, creation, reuse)

    async def cancel(self, principal: Principal, run: UUID, reason: str = "") -> RunView:
        """Ask a run to end; one that is being cancelled, or was, is answered as it is.

        Raises RunUnknown, RunFinal, StoreUnavailable.
        """
        view = await self.get(principal, run)
        if view.status in (RunStatus.SUCCESS, RunStatus.FAILED):
            raise RunFinal(f"run {run} ended {view.status}", status=view.status)
        if view.status is RunStatus.CANCELLED:
            return view
        await self._door.advance(CancelRequested(str(run), principal.name, reason[:_MAX_REASON]))
        after = await self.get(principal, run)
        if after.status in (RunStatus.SUCCESS, RunStatus.FAILED):
            raise RunFinal(f"run {run} ended {after.status} first", status=after.status)
        return after

    async def get(self, principal: Principal, run: UUID) -> RunView:
        """A run whole. Raises RunUnknown."""
        async with self._sessions.reading() as session:
            view = await views.find_run(session, principal.project, run)
        if view is None:
            raise _unknown(run)
        return view

    async def page(
        self,
        principal: Principal,
        *,
        status: RunStatus | None,
        workflow: str | None,
        cursor: Cursor[UUID] | None,
        limit: int,
    ) -> Slice[RunSummary, UUID]:
        """One page of runs, the newest first. Raises WorkflowUnknown."""
        of = None
        if workflow is not None:
            of = (await workflow_operations.find(self._sessions, principal, workflow))[0].id
        async with self._sessions.reading() as session:
            rows = await views.page_runs(
                session, principal.project, status=status, workflow=of, before=cursor, limit=limit + 1
            )
        return slice_of(rows, limit)

    async def output(self, principal: Principal, run: UUID, node: str) -> bytes:
        """A node's accepted output, byte for byte. Raises RunUnknown, NodeUnknown, NodeBytesUnknown."""
        await self._check_node(principal, run, node)
        async with self._sessions.beside() as connection:
            found = await run_store.load_outputs(connection, [(str(run), node)])
        return _bytes_of(found, run, node, "output")

    async def input(self, principal: Principal, run: UUID, node: str) -> bytes:
        """A node's resolved input, byte for byte. Raises RunUnknown, NodeUnknown, NodeBytesUnknown."""
        await self._check_node(principal, run, node)
        async with self._sessions.beside() as connection:
            found = await run_store.load_inputs(connection, [(str(run), node)])
        return _bytes_of(found, run, node, "input")

    async def context(self, principal: Principal, run: UUID) -> bytes:
        """The trigger's input, byte for byte. Raises RunUnknown."""
        async with self._sessions.beside() as connection:
            if await event_store.is_over(connection, principal.project, str(run)) is None:
                raise _unknown(run)
            return await run_store.load_context(connection, str(run)) or b""

    async def _check_node(self, principal: Principal, run: UUID, node: str) -> None:
        nodes = [view.id for view in (await self.get(principal, run)).nodes]
        if node not in nodes:
            raise NodeUnknown(f"run {run} has no node {node[:64]!r}", known=nodes[:200])

    async def _pin(self, principal: Principal, version: UUID, spec: WorkflowSpec) -> dict[str, AgentVersion]:
        references = {node.agent for node in spec.nodes}
        async with self._sessions.reading() as session:
            pins = await agent_store.agents_by_reference(session, principal.project, references)
            if missing := references - pins.keys():
                known = await agent_store.known_agents(session, principal.project)
                raise unknown_agent(min(missing), known)
        if findings := await self._check_pins(version, spec, pins):
            raise WorkflowInvalid(
                f"with the newest agent versions: {counted(findings)}",
                errors=findings,
                hint="Pin the agent version that the workflow was written for, or mend the workflow.",
            )
        return pins

    async def _check_pins(
        self, version: UUID, spec: WorkflowSpec, pins: Mapping[str, AgentVersion]
    ) -> tuple[Finding, ...]:
        """Agents may have newer versions than when the workflow was checked: check it with those, once."""
        key = PlanKey.of(str(version), {reference: agent.id for reference, agent in pins.items()})
        if key not in self._checked:
            manifests = {reference: agent.manifest for reference, agent in pins.items()}
            self._checked[key] = tuple(await asyncio.to_thread(check_workflow, spec, manifests))
            while len(self._checked) > _KEPT:
                self._checked.popitem(last=False)
        return self._checked[key]

    async def _start(self, principal: Principal, creation: RunCreation, reuse: tuple[Reuse, ...]) -> Started:
        key = PlanKey.of(creation.workflow_version_id, creation.agents)
        async with self._sessions.path() as connection:
            plan: Plan = (await self._plans.plans(connection, [key]))[key]
        run = str(uuid7())
        signal = RunStarted(run, principal.name, creation.context_sha256, reuse, creation.retry_of)
        advanced = await self._door.start(creation, signal, plan)
        if advanced is not None and advanced.run is not None:
            return Started(_accepted(run, advanced.run.status, plan), replayed=False)
        if creation.trigger_key is not None:
            assert creation.trigger_fingerprint is not None
            found = await self._made_by(
                principal, UUID(creation.workflow_id), creation.trigger_key, creation.trigger_fingerprint
            )
            if found is not None:
                return found
        if creation.artifacts or reuse:
            raise ContextInvalid("an artifact that this run needs was removed just now; no run was started")
        raise StoreUnavailable("the run was not started; try again")

    async def _made_by(
        self, principal: Principal, workflow: UUID, key: str, fingerprint: str
    ) -> Started | None:
        """The run that this idempotency key made. Raises IdempotencyMismatch."""
        async with self._sessions.path() as connection:
            found = await run_store.find_by_trigger(connection, principal.project, str(workflow), key)
        if found is None:
            return None
        if found[1] != fingerprint:
            raise IdempotencyMismatch(f"this key made run {found[0]} of another request", run=found[0])
        view = await self.get(principal, UUID(found[0]))
        accepted = RunAccepted(
            id=view.id, status=view.status, workflow=view.workflow, workflow_version=view.workflow_version
        )
        return Started(accepted, replayed=True)


def _fingerprint(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _accepted(run: str, status: RunStatus, plan: Plan) -> RunAccepted:
    return RunAccepted(id=run, status=status, workflow=plan.workflow, workflow_version=plan.workflow_version)


def _digests(data: bytes) -> tuple[str, ...]:
    return tuple(sorted({ref.sha256 for _, ref in find_artifacts(strict_json.parse(data))}))


def _reuse(ended: EndedRun) -> tuple[Reuse, ...]:
    return tuple(
        Reuse(node, output, str(ended.id), tuple(ref for _, ref in find_artifacts(strict_json.parse(output))))
        for node, output in ended.outputs.items()
    )


def _bytes_of(found: Mapping[tuple[str, str], bytes], run: UUID, node: str, what: str) -> bytes:
    data = found.get((str(run), node))
    if data is None:
        raise NodeBytesUnknown(f"node {node} of run {run} has no {what}, or not yet")
    return data


def _unknown(run: UUID) -> RunUnknown:
    return RunUnknown(f"no run has the id {run}")
