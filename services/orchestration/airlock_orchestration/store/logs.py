"""What agents say: written in batches beside the door, read by who follows a run's log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from airlock_contracts.logs import MAX_ATTEMPT_BYTES, AgentLog, LogLevel, LogStream, LogView

from .json_text import clean_text, to_jsonb

READ_LIMIT = 500
"""Rows per read; a reader asks again behind the last."""
READ_BYTES = 2 * 1024 * 1024
"""Of messages and fields per read, give or take a line: 1,000 lines may be 24 MB."""


@dataclass(frozen=True, slots=True)
class LogSlice:
    """Lines as they were read."""

    lines: list[LogView]
    is_all: bool
    """There are none behind the last."""


# Ids are drawn while the run's lock is held, until the commit: whoever has read an id of a run has seen every
# lower one. The locks come first (MATERIALIZED, counted before the first row is written) and in one order.
#
# A line is taken for an attempt that there is, and only with the token of its claim if there was one; each
# line once; and while the attempt's lines are together within twice its bound. A host keeps that bound
# itself: what is refused here comes from one that does not.
_WRITE = """
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::uuid[], $2::text[], $3::int[], $4::text[], $5::int[], $6::timestamptz[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::float8[], $12::int[]
    ) WITH ORDINALITY
      AS a(run_id, node, attempt, token, line, at, stream, level, message, fields, fraction, size, place)
), said AS MATERIALIZED (
    SELECT run_id, node, attempt, token, sum(size) AS size FROM asked GROUP BY 1, 2, 3, 4
), taken AS MATERIALIZED (
    SELECT said.run_id, said.node, said.attempt, said.token, known.project
    FROM said, LATERAL (
        SELECT runs.project FROM attempts JOIN runs ON runs.id = attempts.run_id
        WHERE attempts.run_id = said.run_id AND attempts.node = said.node AND attempts.number = said.attempt
          AND coalesce(attempts.token, said.token) = said.token
        OFFSET 0
    ) AS known, LATERAL (
        SELECT coalesce(sum(agent_logs.size), 0) AS size FROM agent_logs
        WHERE agent_logs.run_id = said.run_id AND agent_logs.node = said.node
          AND agent_logs.attempt = said.attempt
        OFFSET 0
    ) AS there
    WHERE there.size + said.size <= $13
), locked AS MATERIALIZED (
    SELECT count(pg_advisory_xact_lock(key)) AS runs FROM (
        SELECT DISTINCT hashtextextended(run_id::text, 7305111) AS key FROM taken ORDER BY key OFFSET 0
    ) AS keys
), written AS (
    INSERT INTO agent_logs
        (run_id, node, attempt, line, at, stream, level, message, fields, fraction, size)
    SELECT asked.run_id, asked.node, asked.attempt, asked.line, asked.at, asked.stream, asked.level,
        asked.message, asked.fields::jsonb, asked.fraction, asked.size
    FROM locked, asked JOIN taken USING (run_id, node, attempt, token)
    WHERE locked.runs >= 0
    ORDER BY asked.place
    ON CONFLICT (run_id, node, attempt, line) DO NOTHING
    RETURNING run_id
)
SELECT written.run_id::text AS run, taken.project, written.lines
FROM (SELECT run_id, count(*) AS lines FROM written GROUP BY run_id) AS written
JOIN (SELECT DISTINCT run_id, project FROM taken) AS taken USING (run_id)
"""


async def write_logs(connection: Any, logs: Sequence[AgentLog]) -> list[tuple[str, str, int]]:
    """Keep lines, by one statement; answers run, project and how many of its lines were kept.

    Lines of attempts that are unknown or another token's, lines that are there already, and those over the
    attempt's bound are not kept. Takes an asyncpg connection.
    """
    rows = [_row(log, index) for log in logs for index in range(len(log.lines))]
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    kept = await connection.fetch(_WRITE, *columns, 2 * MAX_ATTEMPT_BYTES)
    return [(row["run"], row["project"], row["lines"]) for row in kept]


def _row(log: AgentLog, index: int) -> tuple[Any, ...]:
    line, id_ = log.lines[index], log.attempt
    message = clean_text(line.message)
    fields = None if line.fields is None else to_jsonb(line.fields)
    size = len(message.encode()) + len((fields or "").encode())
    return (
        id_.run,
        id_.node,
        id_.number,
        log.token,
        line.number,
        line.at,
        line.stream.value,
        line.level.value,
        message,
        fields,
        line.fraction,
        size,
    )


# Bytes are counted before the lines themselves are fetched: a page of long lines is a short page.
_READ = """
SELECT id, node, attempt, line, at, stream, level, message, fields, fraction, behind FROM (
    SELECT *, sum(size) OVER (ORDER BY id) - size AS before, count(*) OVER () AS behind FROM (
        SELECT * FROM agent_logs WHERE run_id = $1::uuid AND id > $2{more} ORDER BY id LIMIT $3::int + 1
    ) AS found
) AS counted
WHERE before < $4 ORDER BY id LIMIT $3::int
"""
_NEWEST = "SELECT coalesce(max(id), 0) FROM agent_logs WHERE run_id = $1::uuid"


async def read_logs(
    connection: Any,
    run: str,
    after: int = 0,
    *,
    node: str | None = None,
    attempt: int | None = None,
    stream: LogStream | None = None,
    limit: int = READ_LIMIT,
) -> LogSlice:
    """The run's lines behind id `after`, in the order of their ids, at most `limit` and 2 MiB."""
    # One text for each set of filters, so that each has a plan of its own.
    filters = {"node": node, "attempt": attempt, "stream": None if stream is None else stream.value}
    given = {name: value for name, value in filters.items() if value is not None}
    more = "".join(f" AND {name} = ${place}" for place, name in enumerate(given, 5))
    bounds = (run, after, limit, READ_BYTES)
    rows = await connection.fetch(_READ.format(more=more), *bounds, *given.values())
    return LogSlice([_view(row) for row in rows], is_all=not rows or rows[0]["behind"] == len(rows))


async def newest_id(connection: Any, run: str) -> int:
    """The greatest id of a run's lines; 0 where there is none."""
    newest: int = await connection.fetchval(_NEWEST, run)
    return newest


def _view(row: Any) -> LogView:
    return LogView(
        id=row["id"],
        node=row["node"],
        attempt=row["attempt"],
        number=row["line"],
        at=row["at"],
        stream=LogStream(row["stream"]),
        level=LogLevel(row["level"]),
        message=row["message"],
        fields=None if row["fields"] is None else orjson.loads(row["fields"]),
        fraction=row["fraction"],
    )


# A run's id begins with the time of its start (UUIDv7), so old runs stand first in the key: those that have
# lines are looked up one by one, as long as there are any. Runs that go on keep theirs.
_FORGET = """
WITH RECURSIVE bound AS MATERIALIZED (
    SELECT clock_timestamp() - $1::interval AS at
), oldest AS MATERIALIZED (
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('f', 20))::uuid AS id
    FROM bound
), begun AS (
    (SELECT run_id FROM agent_logs WHERE run_id <= (SELECT id FROM oldest) ORDER BY run_id LIMIT 1)
    UNION ALL
    SELECT next.run_id FROM begun, LATERAL (
        SELECT run_id FROM agent_logs
        WHERE agent_logs.run_id > begun.run_id AND agent_logs.run_id <= (SELECT id FROM oldest)
        ORDER BY run_id LIMIT 1
    ) AS next
), over AS (
    SELECT run_id FROM begun
    WHERE coalesce(
        (SELECT coalesce(finished_at, 'infinity') <= (SELECT at FROM bound) FROM runs WHERE id = run_id), true
    )
)
DELETE FROM agent_logs WHERE ctid = ANY (ARRAY(
    SELECT line.ctid FROM over, LATERAL (
        SELECT agent_logs.ctid FROM agent_logs WHERE agent_logs.run_id = over.run_id ORDER BY id LIMIT $2
    ) AS line LIMIT $2
))
"""


async def forget_logs(connection: Any, age: timedelta, limit: int) -> int:
    """Delete lines of runs that ended longer ago than `age`, at most `limit`; answers how many."""
    status: str = await connection.execute(_FORGET, age, limit)
    return int(status.rpartition(" ")[2])


_ENDED = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - finished_at), -1)::float8
FROM runs WHERE id = $1::uuid AND project = $2
"""


async def ended_for(connection: Any, project: str, run: str) -> float | None:
    """Seconds since the run has ended, negative while it goes on; None for an unknown run."""
    seconds: float | None = await connection.fetchval(_ENDED, run, project)
    return seconds
