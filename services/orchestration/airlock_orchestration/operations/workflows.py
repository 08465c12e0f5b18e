"""Workflows: checked whole when they are created, immutable in every version."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from airlock_chassis.ids import uuid7
from airlock_contracts.manifest import Manifest, canonical_json
from airlock_contracts.problems import Finding
from airlock_contracts.views import WorkflowView
from airlock_contracts.workflow import WorkflowSpec

from ..engine.checks import check_workflow
from ..errors import WorkflowChanged, WorkflowInvalid, WorkflowUnknown, counted
from ..store import agents as agent_store
from ..store import workflows as store
from ..store.sessions import Sessions
from .documents import Document
from .findings import validate, with_lines
from .ids import is_name, listed, parse_uuid
from .pages import Cursor, Slice, slice_of
from .preconditions import ANYTHING, Precondition
from .principals import Principal

log = structlog.get_logger(__name__)


async def apply(
    sessions: Sessions, principal: Principal, document: Document, builds_on: Precondition = ANYTHING
) -> tuple[WorkflowView, bool]:
    """Make a specification the newest version of its workflow; answers it and whether it is new.

    The same content as the newest version makes none, whatever it was to build on. Raises WorkflowInvalid
    with every problem and its place, WorkflowChanged if another version is the newest than was looked at.
    """
    # A thousand nodes with their templates take a while, and so do their mistakes: not in the loop.
    spec = await asyncio.to_thread(validate, document, WorkflowSpec, WorkflowInvalid)
    references = {node.agent for node in spec.nodes}
    async with sessions.reading() as session:
        agents = await agent_store.agents_by_reference(session, principal.project, references)
        known = await agent_store.known_agents(session, principal.project)
    manifests = {reference: agent.manifest for reference, agent in agents.items()}
    if findings := await asyncio.to_thread(_findings, document, spec, manifests, known):
        unknown = references - agents.keys()
        details: dict[str, Any] = {"known_agents": known} if unknown else {}
        raise WorkflowInvalid(counted(findings), errors=findings, **details)
    digest = spec_sha256(spec)
    async with sessions.writing() as session:
        pair, before = await store.save_workflow(
            session,
            store.WorkflowIds(uuid7(), uuid7()),
            spec,
            project=principal.project,
            spec_sha256=digest,
            by=principal.name,
        )
        if spec_sha256(store.to_spec(pair[1])) != digest:
            finding = Finding(
                place="nodes",
                code="workflow.number",
                message="a number is not kept exactly as it is written, such as 1e300 or -0.0",
            )
            raise WorkflowInvalid(counted([finding]), errors=[finding])
        new = before is None or before.number != pair[1].number
        view = store.to_view(pair)
        if new and not builds_on.holds(None if before is None else tag(before.number, before.spec_sha256)):
            newest = "there is none yet" if before is None else f"its newest version is {before.number}"
            raise WorkflowChanged(
                f"workflow {view.name}: {newest}", version=None if before is None else before.number
            )
    if new:
        log.info("workflow.applied", workflow=view.name, workflow_version=view.version, by=principal.name)
    return view, new


def _findings(
    document: Document, spec: WorkflowSpec, manifests: Mapping[str, Manifest], known: Sequence[str]
) -> list[Finding]:
    findings = check_workflow(spec, manifests, known)
    return with_lines(document, findings) if findings else []


async def get_workflow(
    sessions: Sessions, principal: Principal, reference: str, number: int | None = None
) -> WorkflowView:
    """A workflow by its id or name, in its newest version unless one is numbered. Raises WorkflowUnknown."""
    return store.to_view(await find(sessions, principal, reference, number))


async def find(
    sessions: Sessions, principal: Principal, reference: str, number: int | None = None
) -> store.Pair:
    """The rows of a workflow version by the workflow's id or name. Raises WorkflowUnknown."""
    which: str | UUID = parse_uuid(reference) or reference
    async with sessions.reading() as session:
        pair = None
        if is_name(reference):  # as every id of ours is, too
            pair = await store.find_workflow(session, principal.project, which, number)
        # A name may look like an id: whoever is called so is found too.
        if pair is None and isinstance(which, UUID):
            pair = await store.find_workflow(session, principal.project, reference, number)
        if pair is not None:
            return pair
        named = number is not None and is_name(reference)
        if named and await store.find_workflow(session, principal.project, which) is not None:
            raise WorkflowUnknown(f"workflow {reference} has no version {number}")
        known = await store.known_workflows(session, principal.project)
    hint = listed("workflows", reference, known, "There is no workflow yet.")
    raise WorkflowUnknown(f"no workflow has the id or name {reference[:200]!r}", hint=hint, known=known)


async def list_workflows(
    sessions: Sessions, principal: Principal, *, cursor: Cursor[UUID] | None, limit: int
) -> Slice[WorkflowView, UUID]:
    """One page of workflows in their newest versions, those made last first."""
    async with sessions.reading() as session:
        pairs = await store.page_workflows(session, principal.project, before=cursor, limit=limit + 1)
    return slice_of([(store.to_view(pair), (pair[0].created_at, pair[0].id)) for pair in pairs], limit)


async def list_versions(
    sessions: Sessions, principal: Principal, reference: str, *, before: int | None, limit: int
) -> tuple[list[WorkflowView], int | None]:
    """One page of a workflow's versions, newest first, and the number that the next page is before."""
    workflow, _ = await find(sessions, principal, reference)
    async with sessions.reading() as session:
        pairs = await store.page_versions(
            session, principal.project, workflow.id, before=before, limit=limit + 1
        )
    shown = pairs[:limit]
    return [store.to_view(pair) for pair in shown], shown[-1][1].number if len(pairs) > limit else None


def spec_sha256(spec: WorkflowSpec) -> str:
    """The digest of what a specification says, however it is written."""
    return hashlib.sha256(b"airlock-workflow-v1\n" + canonical_json(spec.model_dump(mode="json"))).hexdigest()


def tag(number: int, spec_sha256: str) -> str:
    """What tells one version of a workflow from all others of it."""
    return f"{number}-{spec_sha256[:16]}"
