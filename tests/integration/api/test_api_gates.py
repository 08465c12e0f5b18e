"""Rate limits: exact, per key and class whatever the path, and told in headers."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx2
from airlock_orchestration.store.tables import KeyRole


async def burst(client: Any, count: int, method: str, *paths: str, **more: Any) -> list[Any]:
    """So many requests at once, over these paths in turn."""
    return await asyncio.gather(
        *(client.request(method, paths[number % len(paths)], **more) for number in range(count))
    )


async def waves(client: Any, count: int, method: str, path: str) -> list[Any]:
    """The same, some at a time: so many at once would wait too long for the connections of what they read."""
    answers: list[Any] = []
    for begin in range(0, count, 60):
        answers += await burst(client, min(60, count - begin), method, path)
    return answers


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_of_120_at_100_a_minute_exactly_100_pass(limited_rig: Any) -> None:
    body = {"content": b"x: 1", "headers": {"Content-Type": "application/yaml"}}
    answers = await burst(limited_rig.client, 120, "POST", "/api/workflows", **body)
    assert statuses(answers) == {422: 100, 429: 20}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "rate.limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["ratelimit-policy"] == '"create";q=100;w=60'
    assert refused.headers["ratelimit"].startswith('"create";r=0;t=')


async def test_paths_of_one_class_share_a_bucket_and_classes_do_not(limited_rig: Any) -> None:
    paths = ("/api/agents", "/api/workflows", "/api/runs/a/cancel", "/api/approvals/b/decision")
    answers = await burst(limited_rig.client, 120, "POST", *paths)
    assert statuses(answers)[429] == 20
    assert (await limited_rig.client.post("/api/workflows/x/trigger")).status_code == 404
    assert (await limited_rig.client.get("/api/runs")).status_code == 200


async def test_each_key_has_a_bucket_of_its_own(limited_rig: Any) -> None:
    await burst(limited_rig.client, 100, "POST", "/api/agents")
    assert (await limited_rig.client.post("/api/agents")).status_code == 429
    async with limited_rig.client_of(await limited_rig.new_key("bob")) as bob:
        assert (await bob.post("/api/agents")).status_code == 415


async def test_unauthorised_requests_count_against_their_address_however_they_vary(limited_rig: Any) -> None:
    async with limited_rig.client_of(None) as stranger:
        answers = await asyncio.gather(
            *(
                stranger.post("/api/agents", headers={"X-API-Key": f"airlock_guess{number}"})
                for number in range(120)
            )
        )
    assert statuses(list(answers)) == {401: 100, 429: 20}
    assert (await limited_rig.client.post("/api/agents")).status_code == 415


async def test_triggers_and_reads_have_limits_of_their_own(limited_rig: Any) -> None:
    triggers = await waves(limited_rig.client, 510, "POST", "/api/workflows/none/trigger")
    assert statuses(triggers) == {404: 500, 429: 10}
    # What is refused for its filter is counted, and costs little else: so all of it is in one minute.
    hosts = await waves(limited_rig.client, 1005, "GET", "/api/hosts?no=filter")
    assert statuses(hosts) == {422: 1000, 429: 5}


async def test_a_host_is_not_held_up_by_the_limits_for_people(limited_rig: Any) -> None:
    key = await limited_rig.new_key("host-1", KeyRole.HOST)
    async with limited_rig.client_of(key) as host:
        answers = await burst(host, 150, "PUT", f"/api/artifacts/{'0' * 64}", content=b"x")
        assert statuses(answers) == {422: 150}
        assert answers[0].headers["ratelimit-policy"] == '"host";q=60000;w=60'


async def test_a_request_within_the_limit_says_what_is_left(limited_rig: Any) -> None:
    answer = await limited_rig.client.get("/api/runs")
    assert answer.headers["ratelimit-policy"] == '"read";q=1000;w=60'
    assert answer.headers["ratelimit"].startswith('"read";r=999;t=')


def of_address(rig: Any, address: str) -> httpx2.AsyncClient:
    """A client without a key, from an address of its own."""
    transport = httpx2.ASGITransport(app=rig.app, client=(address, 1))
    return httpx2.AsyncClient(transport=transport, base_url="http://airlock.example.com")


async def test_an_ipv6_address_counts_with_all_that_its_owner_has(limited_rig: Any) -> None:
    neighbours = [f"2001:db8:0:1::{number:x}" for number in range(1, 121)]
    answers = [await of_address(limited_rig, one).post("/api/agents") for one in neighbours]
    assert statuses(answers) == {401: 100, 429: 20}
    for other in ("2001:db8:0:2::1", "192.0.2.1", "::ffff:192.0.2.2"):
        assert (await of_address(limited_rig, other).post("/api/agents")).status_code == 401


async def test_while_postgres_does_not_count_calls_are_told_so_and_what_is_open_answers(rig: Any) -> None:
    waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with rig.sessions.path() as holder, rig.sessions.path() as killer:
        async with asyncio.timeout(10), holder.transaction():
            await holder.execute("LOCK rates IN ACCESS EXCLUSIVE MODE")
            asked = asyncio.create_task(rig.client.get("/api/runs"))
            while not await killer.fetch(waiting):
                await asyncio.sleep(0.01)
            answer = await asked
            assert (answer.status_code, answer.json()["code"]) == (503, "store.unavailable")
            assert "ratelimit" not in answer.headers
            health = await rig.client.get("/health")
            assert (health.status_code, health.headers["ratelimit-policy"]) == (200, '"open";q=10000;w=60')
    assert (await rig.client.get("/api/runs")).status_code == 200
