"""Rate limits on running services: exact over three replicas together, per key, and by class of endpoint."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from airlock_orchestration.operations.keys import create_key
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.sessions import Sessions
from orchestration_process import orchestration_process

CREATES_A_MINUTE = 100
TRIGGERS_A_MINUTE = 500
REPLICAS = 3


@pytest.fixture
async def replicas(
    migrated_database_url: str, nats_server: Any, nats_prefix: str, tmp_path: Path
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Three processes over one database and one nats-server, each with a client; all of one key."""
    async with Database(migrated_database_url) as database:
        key = (await create_key(Sessions(database), "somebody")).text
    headers = {"Authorization": f"Bearer {key}"}
    async with AsyncExitStack() as stack:

        async def start(number: int) -> httpx2.AsyncClient:
            process = orchestration_process(
                tmp_path / str(number), migrated_database_url, nats_server.url(), subject_prefix=nats_prefix
            )
            replica = await stack.enter_async_context(process)
            client = httpx2.AsyncClient(base_url=replica.url, headers=headers, timeout=30.0)
            return await stack.enter_async_context(client)

        yield [await start(number) for number in range(REPLICAS)]


async def burst(
    clients: list[httpx2.AsyncClient], count: int, path: str, **more: Any
) -> list[httpx2.Response]:
    """So many posts at once, over the clients in turn."""
    return await asyncio.gather(
        *(clients[number % len(clients)].post(path, json={}, **more) for number in range(count))
    )


def statuses(answers: list[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_of_120_requests_to_three_replicas_100_pass_and_20_are_told_when_to_come_again(
    replicas: list[httpx2.AsyncClient],
) -> None:
    answers = await burst(replicas, CREATES_A_MINUTE + 20, "/api/workflows")
    # What is invalid counts too, or a limit would not bound the work of refusing.
    assert statuses(answers) == {422: CREATES_A_MINUTE, 429: 20}
    for answer in answers:
        if answer.status_code == 429:
            assert 0 < int(answer.headers["Retry-After"]) <= 61
            assert answer.headers["RateLimit"].startswith('"create";r=0;t=')
    assert statuses(await burst(replicas, REPLICAS, "/api/workflows")) == {429: REPLICAS}

    # Other classes, other callers and what everyone may read have room of their own.
    for replica in replicas:
        assert (await replica.get("/api/workflows")).status_code == 200
        assert (await replica.get("/health")).status_code == 200
    strangers = await burst(replicas, CREATES_A_MINUTE + 20, "/api/workflows", headers={"Authorization": ""})
    assert statuses(strangers) == {401: CREATES_A_MINUTE, 429: 20}

    triggers = [await burst(replicas, 102, "/api/workflows/none/trigger") for _ in range(5)]
    assert statuses([one for wave in triggers for one in wave]) == {404: TRIGGERS_A_MINUTE, 429: 10}
