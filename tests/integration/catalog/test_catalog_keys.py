"""Keys on a real Postgres: kept hashed, shown once, revoked for good."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
from airlock_orchestration.errors import InvalidRequest, KeyUnknown
from airlock_orchestration.operations.keys import KeyRing, create_key, list_keys, parse, revoke_key, spell
from airlock_orchestration.store import keys as key_store
from airlock_orchestration.store.sessions import Sessions
from airlock_orchestration.store.tables import KeyRole


async def test_a_key_is_recognised_by_its_secret_and_kept_without_it(sessions: Sessions) -> None:
    made = await create_key(sessions, "alice")
    parts = parse(made.text)
    assert parts is not None
    found = await KeyRing(sessions).recognise(made.text)
    assert found is not None
    assert (found.key, found.name, found.role, found.project) == (parts[0], "alice", KeyRole.ADMIN, "default")
    async with sessions.path() as connection:
        row = await connection.fetchrow("SELECT * FROM keys")
    assert row["secret_sha256"] == hashlib.sha256(bytes.fromhex(parts[1])).digest()
    assert parts[1] not in str(dict(row))


@pytest.mark.parametrize(
    "name", ["", " ", "alice ", "a\nb", "a\x1b[2J", "\u202ealice", "\ud800", "\x00", "x" * 101, "airlock"]
)
async def test_a_name_that_people_could_not_read_or_would_take_for_airlock_is_refused(
    sessions: Sessions, name: str
) -> None:
    with pytest.raises(InvalidRequest, match="is no name for a key"):
        await create_key(sessions, name)
    assert await list_keys(sessions) == []


@pytest.mark.parametrize("name", ["alice", "Åsa B. <asa@example.com>", "x" * 100, "EXAMPLE\\alice", "張"])
async def test_people_are_called_as_they_are(sessions: Sessions, name: str) -> None:
    assert (await create_key(sessions, name)).view.name == name


async def test_a_first_key_in_a_name_that_none_may_have_is_refused_in_one_line(
    sessions: Sessions, migrated_database_url: str, tmp_path: Path
) -> None:
    making = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airlock_orchestration", "migrate"),
        *("--first-keys", str(tmp_path), "--first-name", "airlock"),
        env={"AIRLOCK_DATABASE_URL": migrated_database_url},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await making.communicate()
    assert making.returncode == 1
    assert b"'airlock' is no name for a key" in said.splitlines()[-1]
    assert await list_keys(sessions) == []


async def test_listing_shows_who_and_when_and_never_a_secret(sessions: Sessions) -> None:
    first = await create_key(sessions, "alice")
    second = await create_key(sessions, "host-1", role=KeyRole.HOST)
    await KeyRing(sessions).recognise(first.text)
    views = await list_keys(sessions)
    assert [(view.name, view.role) for view in views] == [("host-1", "host"), ("alice", "admin")]
    assert (views[0].last_used_at is None, views[1].last_used_at is None) == (True, False)
    for made in (first, second):
        parts = parse(made.text)
        assert parts is not None
        assert not any(parts[1] in view.model_dump_json() for view in views)


async def test_a_revoked_key_stands_for_nobody_and_stays_revoked(sessions: Sessions) -> None:
    made = await create_key(sessions, "alice")
    revoked = await revoke_key(sessions, made.view.id)
    assert revoked.revoked_at is not None
    assert await KeyRing(sessions).recognise(made.text) is None
    assert (await revoke_key(sessions, made.view.id)).revoked_at == revoked.revoked_at


async def test_what_is_remembered_of_a_key_lapses(sessions: Sessions) -> None:
    made = await create_key(sessions, "alice")
    remembering, fresh = KeyRing(sessions, cache_seconds=3600), KeyRing(sessions, cache_seconds=0)
    assert await remembering.recognise(made.text) is not None
    assert await fresh.recognise(made.text) is not None
    await revoke_key(sessions, made.view.id)
    assert await remembering.recognise(made.text) is not None
    assert await fresh.recognise(made.text) is None


async def test_another_secret_under_a_known_id_stands_for_nobody(sessions: Sessions) -> None:
    made = await create_key(sessions, "alice")
    ring = KeyRing(sessions)
    assert await ring.recognise(made.text) is not None
    assert await ring.recognise(spell(made.view.id, "0" * 64)) is None
    assert await ring.recognise(made.text) is not None


async def test_revoking_an_unknown_key_is_said(sessions: Sessions) -> None:
    with pytest.raises(KeyUnknown):
        await revoke_key(sessions, "0123456789")


async def test_however_many_keys_are_made_up_one_question_is_under_way_and_none_is_remembered(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create_key(sessions, "alice")
    ring, asked = KeyRing(sessions), _count_questions(monkeypatch)
    made_up = [spell(f"{number:010x}", f"{number:064x}") for number in range(300)]
    found = await asyncio.gather(*map(ring.recognise, [*made_up, made.text]))
    assert [None if one is None else one.name for one in found] == [None] * 300 + ["alice"]
    assert [len(question) for question in asked] == [1, 300]
    assert [ring.has_recognised(key) for key in (made_up[0], made.text)] == [False, True]
    await ring.recognise(made.text)
    assert len(asked) == 2


async def test_only_who_has_the_secret_uses_a_key(sessions: Sessions) -> None:
    made = await create_key(sessions, "alice")
    ring = KeyRing(sessions)
    assert await ring.recognise(spell(made.view.id, "0" * 64)) is None
    assert (await list_keys(sessions))[0].last_used_at is None
    assert await ring.recognise(made.text) is not None
    assert (await list_keys(sessions))[0].last_used_at is not None


async def test_a_use_is_noted_without_waiting_for_who_has_the_row(sessions: Sessions) -> None:
    made = await create_key(sessions, "alice")
    async with sessions.path() as connection, connection.transaction():
        await connection.execute("SELECT FROM keys WHERE id = $1 FOR UPDATE", made.view.id)
        async with asyncio.timeout(2):
            assert await KeyRing(sessions).recognise(made.text) is not None


async def test_who_asked_for_others_too_and_went_away_leaves_them_their_answers(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create_key(sessions, "alice")
    ring, asked = KeyRing(sessions), _count_questions(monkeypatch)
    first, second, *others = [asyncio.create_task(ring.recognise(made.text)) for _ in range(4)]
    async with asyncio.timeout(10):
        while len(asked) < 2:  # the first asks alone; the second then for all who came meanwhile
            await asyncio.sleep(0)
    assert second.cancel()
    assert [found is not None for found in await asyncio.gather(first, *others)] == [True] * 3
    assert (second.cancelled(), len(asked)) == (True, 3)


def _count_questions(monkeypatch: pytest.MonkeyPatch) -> list[set[tuple[str, bytes]]]:
    questions: list[set[tuple[str, bytes]]] = []
    recognise = key_store.recognise_keys

    async def counted(connection: Any, asked: set[tuple[str, bytes]]) -> Any:
        questions.append(set(asked))
        return await recognise(connection, asked)

    monkeypatch.setattr(key_store, "recognise_keys", counted)
    return questions
