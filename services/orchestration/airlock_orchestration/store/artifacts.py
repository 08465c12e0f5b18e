"""Artifacts: immutable bytes known by their digest, in chunks of 1 MiB."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from airlock_contracts.views import ArtifactView
from sqlalchemy import exists, func, literal, tuple_, update
from sqlalchemy import select as core_select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import ArtifactChunkRow, ArtifactOwnerRow, ArtifactPutRow, ArtifactRow, ArtifactUseRow, RunRow


async def find_artifact(session: AsyncSession, sha256: str) -> ArtifactRow | None:
    """The artifact of this digest, once all of it is here."""
    statement = select(ArtifactRow).where(ArtifactRow.sha256 == sha256, col(ArtifactRow.complete))
    return (await session.exec(statement)).first()


async def page_artifacts(
    session: AsyncSession, project: str, *, before: tuple[datetime, str] | None = None, limit: int
) -> Sequence[tuple[ArtifactRow, datetime]]:
    """A project's artifacts and when they were put there first, the last first."""
    at, sha256 = col(ArtifactOwnerRow.at), col(ArtifactOwnerRow.sha256)
    statement = (
        select(ArtifactRow, at)
        .join(ArtifactOwnerRow, sha256 == col(ArtifactRow.sha256))
        .where(ArtifactOwnerRow.project == project, col(ArtifactRow.complete))
    )
    if before is not None:
        statement = statement.where(tuple_(at, sha256) < before)
    return (await session.exec(statement.order_by(at.desc(), sha256.desc()).limit(limit))).all()


async def page_artifacts_of(
    session: AsyncSession, run: UUID, *, before: tuple[datetime, str] | None = None, limit: int
) -> Sequence[tuple[ArtifactRow, datetime]]:
    """The artifacts that a run's context, inputs and outputs name, those put last first."""
    at, sha256 = col(ArtifactRow.created_at), col(ArtifactRow.sha256)
    used = core_select(col(ArtifactUseRow.sha256)).where(col(ArtifactUseRow.run_id) == run)
    statement = select(ArtifactRow, at).where(col(ArtifactRow.complete), sha256.in_(used))
    if before is not None:
        statement = statement.where(tuple_(at, sha256) < before)
    return (await session.exec(statement.order_by(at.desc(), sha256.desc()).limit(limit))).all()


async def sizes(session: AsyncSession, digests: Collection[str]) -> dict[str, int]:
    """The sizes in bytes of those artifacts that are here."""
    statement = select(ArtifactRow.sha256, ArtifactRow.size).where(
        col(ArtifactRow.sha256).in_(set(digests)), col(ArtifactRow.complete)
    )
    return dict((await session.exec(statement)).all())


async def open_artifact(session: AsyncSession, sha256: str, size: int, media_type: str) -> bool:
    """Begin to write an artifact in this transaction. False when another one wrote it before."""
    statement = (
        insert(ArtifactRow)
        .values(
            sha256=sha256,
            size=size,
            media_type=media_type,
            created_at=func.clock_timestamp(),
            complete=False,
        )
        .on_conflict_do_nothing(index_elements=["sha256"])
        .returning(col(ArtifactRow.sha256))
    )
    return (await session.exec(statement)).first() is not None


async def add_chunk(session: AsyncSession, sha256: str, position: int, chunk: bytes) -> None:
    """Write one chunk; positions count from 0."""
    await session.exec(insert(ArtifactChunkRow).values(sha256=sha256, position=position, chunk=chunk))


async def complete_artifact(session: AsyncSession, sha256: str) -> None:
    """Let the artifact be used: its chunks are written and were those of its digest."""
    await session.exec(
        update(ArtifactRow)
        .where(col(ArtifactRow.sha256) == sha256)
        .values(complete=True)
        .execution_options(synchronize_session=False)
    )


async def note_put(session: AsyncSession, sha256: str, put_by: str, project: str) -> bool:
    """Remember who brought the artifact, when last, and for which project. False when it is not here."""
    here = exists().where(col(ArtifactRow.sha256) == sha256, col(ArtifactRow.complete))
    source = core_select(literal(sha256), literal(put_by), func.clock_timestamp()).where(here)
    statement = (
        insert(ArtifactPutRow)
        .from_select(["sha256", "put_by", "at"], source)
        .on_conflict_do_update(index_elements=["sha256", "put_by"], set_={"at": func.clock_timestamp()})
        .returning(col(ArtifactPutRow.sha256))
    )
    if (await session.exec(statement)).first() is None:
        return False
    owned = insert(ArtifactOwnerRow).values(project=project, sha256=sha256, at=func.clock_timestamp())
    await session.exec(owned.on_conflict_do_nothing())
    return True


async def project_of(session: AsyncSession, run: UUID) -> str | None:
    """Whose run it is; None for an unknown one."""
    return (await session.exec(select(RunRow.project).where(RunRow.id == run))).first()


async def read_chunk(session: AsyncSession, sha256: str, position: int) -> bytes | None:
    """One chunk of an artifact."""
    statement = select(ArtifactChunkRow.chunk).where(
        ArtifactChunkRow.sha256 == sha256, ArtifactChunkRow.position == position
    )
    return (await session.exec(statement)).first()


def to_view(row: ArtifactRow) -> ArtifactView:
    """The row as REST shows it."""
    return ArtifactView(
        artifact=f"sha256:{row.sha256}", size=row.size, media_type=row.media_type, created_at=row.created_at
    )
