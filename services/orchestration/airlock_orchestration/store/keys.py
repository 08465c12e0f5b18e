"""Keys: their public part, and the digest of their secret."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airlock_contracts.views import KeyView
from sqlalchemy import func, update
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


# One statement for all who ask at once. Use is noted of a key whose secret came, and of no other; a row that
# another replica writes just now is passed over: nobody waits for it.
_RECOGNISE = """
WITH asked AS MATERIALIZED (
    SELECT DISTINCT id, secret_sha256 FROM unnest($1::text[], $2::bytea[]) AS a(id, secret_sha256)
), found AS MATERIALIZED (
    SELECT key.* FROM asked, LATERAL (
        SELECT id, secret_sha256, name, role, project, last_used_at FROM keys
        WHERE keys.id = asked.id AND keys.secret_sha256 = asked.secret_sha256 AND keys.revoked_at IS NULL
        OFFSET 0
    ) AS key
), noted AS (
    UPDATE keys SET last_used_at = clock_timestamp() FROM (
        SELECT unnoted.id FROM found, LATERAL (
            SELECT id FROM keys WHERE keys.id = found.id FOR NO KEY UPDATE SKIP LOCKED
        ) AS unnoted
        WHERE found.last_used_at IS NULL OR found.last_used_at < clock_timestamp() - $3::interval
    ) AS used
    WHERE keys.id = used.id
)
SELECT id, secret_sha256, name, role, project FROM found
"""


@dataclass(frozen=True, slots=True)
class ValidKey:
    """A key that was recognised."""

    id: str
    secret_sha256: bytes
    name: str
    role: KeyRole
    project: str


async def recognise_keys(connection: Any, asked: Collection[tuple[str, bytes]]) -> list[ValidKey]:
    """Those of these ids and secrets' digests that are valid keys; notes that they were used."""
    ids, digests = [id_ for id_, _ in asked], [digest for _, digest in asked]
    rows = await connection.fetch(_RECOGNISE, ids, digests, _USE_NOTED)
    return [
        ValidKey(row["id"], row["secret_sha256"], row["name"], KeyRole(row["role"]), row["project"])
        for row in rows
    ]


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
