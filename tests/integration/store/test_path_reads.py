"""What the path reads of a run, and what it does about one that cannot go on."""

import json
from typing import Any
from uuid import uuid4

import pytest
from airlock_orchestration.engine.state import Values
from airlock_orchestration.store import runs
from airlock_orchestration.store.certificate import violations
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache

CONTEXT = frozenset({"context"})


@pytest.fixture
def path(shop: Any) -> Path:
    return Path(shop.database, PlanCache())


async def test_a_context_never_changes_so_it_is_read_once(shop: Any, kit: Any, path: Path) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    run = await shop.go(shop.change(run, kit.succeeded(run.id, text="from a")))
    assert await path.values({run.id: CONTEXT}) == {run.id: Values(context={"text": "hello"})}
    await shop.connection.execute("UPDATE runs SET context = 'not even json'")
    assert await path.values({run.id: CONTEXT}) == {run.id: Values(context={"text": "hello"})}
    both = await path.values({run.id: CONTEXT | {"nodes.a"}})
    assert both == {run.id: Values(context={"text": "hello"}, outputs={"a": {"text": "from a"}})}


class Overtaken:
    """A connection on which every try to end a run finds that the run has just moved."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.tries = 0

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        if sql == runs._POISON:
            self.tries += 1
            return None
        return await self._connection.fetchval(sql, *arguments)


async def test_a_run_that_moves_under_every_try_to_end_it_is_told_after_some(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    moving = Overtaken(shop.connection)
    with pytest.raises(TimeoutError, match=f"changed {runs._POISON_TRIES} times"):
        await runs.fail_poisoned(moving, run.id)
    assert moving.tries == runs._POISON_TRIES


async def test_a_run_that_cannot_go_on_ends_once_and_says_why(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    assert await runs.fail_poisoned(shop.connection, run.id, "a bug")
    assert not await runs.fail_poisoned(shop.connection, run.id)
    assert not await runs.fail_poisoned(shop.connection, str(uuid4()))
    failure = json.loads(await shop.connection.fetchval("SELECT failure FROM runs"))
    assert failure["message"] == "Airlock could not go on with this run: a bug"


async def test_one_run_s_certificate_is_its_own(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    broken, sound = await shop.go(shop.start(seeded)), await shop.go(shop.start(seeded))
    await shop.connection.execute("UPDATE attempts SET redispatch_at = NULL WHERE run_id = $1", broken.id)
    assert {found.run for found in await violations(shop.connection, broken.id)} == {broken.id}
    assert await violations(shop.connection, sound.id) == []
