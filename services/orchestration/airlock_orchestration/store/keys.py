"""Keys: their public part, and the digest of their secret."""

from collections.abc import Sequence
from datetime import timedelta

from airlock_contracts.views import KeyView
from sqlalchemy import func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .tables import KeyRole, KeyRow

_USE_NOTED = timedelta(minutes=1)  # a key's last use is written at most this often


async def insert_key(
    session: AsyncSession,
    id_: str,
    *,
    project: str,
    name: str,
    role: KeyRole,
    secret_sha256: bytes,
    by: str,
) -> KeyRow:
    """Keep a new key."""
    await session.exec(
        insert(KeyRow).values(
            id=id_,
            project=project,
            name=name,
            role=role.value,
            secret_sha256=secret_sha256,
            created_at=func.clock_timestamp(),
            created_by=by,
        )
    )
    return await session.get_one(KeyRow, id_)


async def find_key(session: AsyncSession, id_: str) -> KeyRow | None:
    """The key of this public id, revoked or not."""
    return (await session.exec(select(KeyRow).where(KeyRow.id == id_))).first()


async def list_keys(session: AsyncSession, project: str, limit: int = 1000) -> Sequence[KeyRow]:
    """All keys, newest first."""
    statement = select(KeyRow).where(KeyRow.project == project)
    order = (col(KeyRow.created_at).desc(), col(KeyRow.id))
    return (await session.exec(statement.order_by(*order).limit(limit))).all()


async def revoke_key(session: AsyncSession, project: str, id_: str) -> KeyRow | None:
    """Revoke a key for good; one that is revoked stays as it was. None when there is no such key."""
    await session.exec(
        update(KeyRow)
        .where(col(KeyRow.id) == id_, col(KeyRow.project) == project, col(KeyRow.revoked_at).is_(None))
        .values(revoked_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
    statement = select(KeyRow).where(KeyRow.id == id_, KeyRow.project == project)
    return (await session.exec(statement)).first()


async def note_use(session: AsyncSession, id_: str) -> None:
    """Write down that the key was used just now, unless that was done within the last minute."""
    long_ago = or_(
        col(KeyRow.last_used_at).is_(None), col(KeyRow.last_used_at) < func.clock_timestamp() - _USE_NOTED
    )
    await session.exec(
        update(KeyRow)
        .where(col(KeyRow.id) == id_, long_ago)
        .values(last_used_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


def to_view(row: KeyRow) -> KeyView:
    """The row without its secret's digest."""
    return KeyView(
        id=row.id,
        name=row.name,
        project=row.project,
        role=row.role,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
