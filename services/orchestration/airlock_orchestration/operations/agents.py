"""Agents: registered once per version, checked whole, their image pinned."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from airlock_chassis.ids import uuid7
from airlock_contracts.base import VERSION_PATTERN
from airlock_contracts.manifest import AgentVersion, Manifest, agent_content_sha256
from airlock_contracts.messages import ImageReply
from airlock_contracts.problems import Finding
from airlock_contracts.views import AgentView

from ..errors import AgentConflict, AgentInvalid, AgentUnknown, ImageUnusable, NoHost, counted
from ..store import agents as store
from ..store.sessions import Sessions
from .documents import Document
from .ids import is_name, listed, parse_uuid
from .manifests import judged_manifest
from .pages import Cursor, Slice, slice_of
from .principals import Principal

log = structlog.get_logger(__name__)
_VERSION = re.compile(VERSION_PATTERN)
ImageResolver = Callable[[str, str], Awaitable[ImageReply | None]]
"""Asks a host of a pool what an image is: `(pool, image)`. None when no host of that pool answers."""


async def register(
    sessions: Sessions, resolve: ImageResolver, principal: Principal, document: Document
) -> tuple[AgentView, bool]:
    """Register an agent version; answers it and whether it is new.

    The same name and version with the same content answers what is there. Raises AgentInvalid with every
    problem and its place, NoHost, ImageUnusable, AgentConflict.
    """
    # What is wrong with a large one takes a while to find and tell: not in the loop.
    manifest = await asyncio.to_thread(judged_manifest, document)
    digest = await _pin(resolve, manifest)
    content = agent_content_sha256(manifest, digest)
    async with sessions.writing() as session:
        new = await store.insert_agent(
            session,
            uuid7(),
            manifest,
            project=principal.project,
            by=principal.name,
            digest=digest,
            content=content,
        )
        row = new or await store.find_agent(session, principal.project, manifest.name, manifest.version)
        assert row is not None, "versions are never deleted"
        kept = store.to_version(row)
        if new is not None and agent_content_sha256(kept.manifest, digest) != content:
            finding = Finding(
                place="actions",
                code="schema.number",
                message="a number in a schema is not kept exactly as it is written, such as 1e300 or -0.0",
            )
            raise AgentInvalid(counted([finding]), errors=[finding])
        if row.content_sha256 != content:
            raise AgentConflict(
                f"{kept.reference} is registered with other content",
                registered_content_sha256=row.content_sha256,
                content_sha256=content,
                registered_image_digest=row.image_digest,
                image_digest=digest,
            )
        view = store.to_view(row)
    if new is not None:
        log.info("agent.registered", agent=kept.reference, image_digest=digest, by=principal.name)
    return view, new is not None


async def list_agents(
    sessions: Sessions, principal: Principal, *, name: str | None, cursor: Cursor[UUID] | None, limit: int
) -> Slice[AgentView, UUID]:
    """One page of agent versions, those registered last first."""
    async with sessions.reading() as session:
        rows = await store.page_agents(session, principal.project, name=name, before=cursor, limit=limit + 1)
    return slice_of([(store.to_view(row), (row.created_at, row.id)) for row in rows], limit)


async def get_agent(
    sessions: Sessions, principal: Principal, reference: str, version: str | None = None
) -> AgentView:
    """One agent version by its id, or by `name`, `name@version` or name and version; the newest of a name.

    Raises AgentUnknown, which lists the known ones.
    """
    name, _, pinned = reference.partition("@")
    wanted = version or pinned or None
    async with sessions.reading() as session:
        id_ = parse_uuid(reference) if version is None else None
        row = None
        if id_ is not None:
            row = await store.agent_by_id(session, principal.project, id_)
        if row is None and is_name(name) and (wanted is None or _VERSION.fullmatch(wanted)):
            row = await store.find_agent(session, principal.project, name, wanted)
        if row is not None:
            return store.to_view(row)
        known = await store.known_agents(session, principal.project)
        versions = await store.known_versions(session, principal.project, name) if name in known else []
    if versions:
        raise AgentUnknown(
            f"agent {name} has no version {wanted}",
            hint=f"Its versions: {', '.join(versions)}.",
            known=versions,
        )
    raise unknown_agent(reference, known)


async def get_version(sessions: Sessions, principal: Principal, id_: UUID) -> AgentVersion:
    """One agent version by its id, as hosts read it. Raises AgentUnknown."""
    async with sessions.reading() as session:
        row = await store.agent_by_id(session, principal.project, id_)
    if row is None:
        raise AgentUnknown(f"no agent version has the id {id_}")
    return store.to_version(row)


def unknown_agent(reference: str, known: list[str]) -> AgentUnknown:
    """The answer to a name that no agent has: it lists those that there are."""
    hint = listed("agents", reference.partition("@")[0], known, "No agent is registered yet.")
    return AgentUnknown(f"no agent is called {reference[:200]!r}", hint=hint, known=known)


async def _pin(resolve: ImageResolver, manifest: Manifest) -> str:
    reply = await resolve(manifest.pool, manifest.image)
    if reply is None:
        raise NoHost(f"no agent host of pool {manifest.pool} answered: the image cannot be pinned")
    if reply.digest is None:
        finding = Finding(
            place="image", code="image.missing", message=reply.problem or "the host does not have it"
        )
        raise ImageUnusable(f"image {manifest.image}: {finding.message}", errors=[finding])
    return reply.digest
