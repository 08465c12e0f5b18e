"""Agent versions: registered once, then only read."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from airlock_contracts.manifest import AgentVersion, Manifest
from airlock_contracts.views import AgentView
from sqlalchemy import func, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import AgentRow

_PRERELEASE_NUMBER = 32  # digits: as many as a pre-release may have characters


def version_key(version: str) -> str:
    """Spell a version so that plain text order is version order. Source: Semantic Versioning 2.0.0, 11."""
    core, _, prerelease = version.partition("-")
    numbers = ".".join(f"{int(part):06d}" for part in core.split("."))
    if not prerelease:
        return f"{numbers}~"  # behind every pre-release
    parts = (
        f"A{int(part):0{_PRERELEASE_NUMBER}d}" if re.fullmatch("[0-9]+", part) else f"B{part}"
        for part in prerelease.split(".")
    )
    return f"{numbers}-" + "!".join(parts)  # '!' sorts before all that a part may hold


async def insert_agent(
    session: AsyncSession, id_: UUID, manifest: Manifest, *, project: str, by: str, digest: str, content: str
) -> AgentRow | None:
    """Register an agent version. None when its name and version are taken."""
    statement = (
        insert(AgentRow)
        .values(
            id=id_,
            project=project,
            name=manifest.name,
            version=manifest.version,
            version_key=version_key(manifest.version),
            manifest=manifest.model_dump(mode="json"),
            image_digest=digest,
            content_sha256=content,
            effects=manifest.effects.value,
            created_at=func.clock_timestamp(),
            created_by=by,
        )
        .on_conflict_do_nothing(index_elements=["project", "name", "version"])
        .returning(col(AgentRow.id))
    )
    if (await session.exec(statement)).first() is None:
        return None
    return await session.get_one(AgentRow, id_)


async def find_agent(
    session: AsyncSession, project: str, name: str, version: str | None = None
) -> AgentRow | None:
    """One version of an agent, the newest unless it is named."""
    statement = select(AgentRow).where(AgentRow.project == project, AgentRow.name == name)
    if version is not None:
        statement = statement.where(AgentRow.version == version)
    return (await session.exec(statement.order_by(col(AgentRow.version_key).desc()).limit(1))).first()


async def agent_by_id(session: AsyncSession, project: str, id_: UUID) -> AgentRow | None:
    """The agent version of this id."""
    statement = select(AgentRow).where(AgentRow.id == id_, AgentRow.project == project)
    return (await session.exec(statement)).first()


async def agents_by_reference(
    session: AsyncSession, project: str, references: Iterable[str]
) -> dict[str, AgentVersion]:
    """The agent versions of references as nodes write them, `name` or `name@1.2.0`; unknown ones are absent.

    A name alone means the newest version. Two statements, however many references.
    """
    wanted = set(references)
    names = {reference for reference in wanted if "@" not in reference}
    pinned = {reference: reference.partition("@")[::2] for reference in wanted - names}
    found: dict[str, AgentVersion] = {}
    if names:
        newest = (
            select(AgentRow)
            .where(AgentRow.project == project, col(AgentRow.name).in_(names))
            .ext(distinct_on(col(AgentRow.name)))
            .order_by(col(AgentRow.name), col(AgentRow.version_key).desc())
        )
        found |= {row.name: to_version(row) for row in await session.exec(newest)}
    if pinned:
        exact = select(AgentRow).where(
            AgentRow.project == project,
            tuple_(col(AgentRow.name), col(AgentRow.version)).in_(list(pinned.values())),
        )
        found |= {f"{row.name}@{row.version}": to_version(row) for row in await session.exec(exact)}
    return found


async def known_agents(session: AsyncSession, project: str, limit: int = 200) -> list[str]:
    """The names of the agents that there are, sorted."""
    statement = (
        select(AgentRow.name)
        .where(AgentRow.project == project)
        .distinct()
        .order_by(col(AgentRow.name))
        .limit(limit)
    )
    return list(await session.exec(statement))


async def known_versions(session: AsyncSession, project: str, name: str, limit: int = 200) -> list[str]:
    """The versions of one agent, newest first."""
    statement = (
        select(AgentRow.version)
        .where(AgentRow.project == project, AgentRow.name == name)
        .order_by(col(AgentRow.version_key).desc())
        .limit(limit)
    )
    return list(await session.exec(statement))


async def page_agents(
    session: AsyncSession,
    project: str,
    *,
    name: str | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[AgentRow]:
    """Agent versions, those registered last first."""
    statement = select(AgentRow).where(AgentRow.project == project)
    if name is not None:
        statement = statement.where(AgentRow.name == name)
    if before is not None:
        statement = statement.where(tuple_(col(AgentRow.created_at), col(AgentRow.id)) < before)
    statement = statement.order_by(col(AgentRow.created_at).desc(), col(AgentRow.id).desc()).limit(limit)
    return (await session.exec(statement)).all()


def to_version(row: AgentRow) -> AgentVersion:
    """The row as the contract that hosts and plans read."""
    return AgentVersion(
        id=str(row.id),
        project=row.project,
        manifest=_manifest(row.manifest),
        image_digest=row.image_digest,
        content_sha256=row.content_sha256,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def to_view(row: AgentRow) -> AgentView:
    """The row as REST shows it."""
    manifest = _manifest(row.manifest)
    return AgentView(
        id=str(row.id),
        project=row.project,
        name=row.name,
        version=row.version,
        image_digest=row.image_digest,
        content_sha256=row.content_sha256,
        effects=manifest.effects,
        manifest=manifest,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _manifest(stored: Mapping[str, Any]) -> Manifest:
    return Manifest.model_validate(stored)
