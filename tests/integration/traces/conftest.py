"""Runs of every kind over two replicas, of which the one that took the triggers is gone, and their spans."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from airlock_chassis.bus import Bus
from airlock_client.client import AirlockClient
from airlock_contracts.statuses import NodeStatus, RunStatus, Verdict
from airlock_contracts.views import NodeView, RunView
from airlock_orchestration.operations.keys import create_key
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.sessions import Sessions
from orchestration_process import orchestration_process
from otlp_spans import otlp_sink
from played_host import echo_agent
from traced_host import TracedHost
from traced_runs import CALLER, SECRET_TEXT, UNKEPT, WORKFLOWS, Traced

_POLL = 0.05


class Driver:
    """Does with runs what people and time do."""

    def __init__(self, client: AirlockClient, database_url: str) -> None:
        self.client = client
        self._database_url = database_url

    async def until_node(self, run: str, id_: str, *statuses: NodeStatus) -> NodeView:
        async with asyncio.timeout(60):
            while True:
                view = await self.client.run(run)
                found = next(one for one in view.nodes if one.id == id_)
                if found.status in statuses:
                    return found
                await asyncio.sleep(_POLL)

    async def until(self, run: str, status: RunStatus) -> RunView:
        async with asyncio.timeout(60):
            while (view := await self.client.run(run)).status is not status:
                assert not view.status.is_final, view
                await asyncio.sleep(_POLL)
        return view

    async def decide(self, run: str, id_: str, verdict: Verdict) -> None:
        asked = (await self.until_node(run, id_, NodeStatus.WAITING_APPROVAL)).approval
        assert asked is not None
        await self.client.decide(asked.id, verdict, asked.payload_sha256)

    async def let_lease_lapse(self, run: str, id_: str) -> None:
        await self.until_node(run, id_, NodeStatus.RUNNING)
        connection = await asyncpg.connect(self._database_url)
        try:
            lapsed = "UPDATE attempts SET lease_until = now() - interval '1 minute' WHERE run_id = $1"
            await connection.execute(lapsed, run)
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traced(
    postgres_server: Any, nats_server: Any, databases: Any, migrated_template: str, tmp_path_factory: Any
) -> AsyncIterator[Traced]:
    """One replica takes all triggers and ends; the other one settles, decides, loses, cancels and retries."""
    folder: Path = tmp_path_factory.mktemp("replicas")
    database = databases.make(template=migrated_template)
    with otlp_sink() as sink:
        settings = {
            "subject_prefix": (prefix := f"t{uuid4().hex[:12]}"),
            "otlp_endpoint": sink.endpoint,
            "trace_ratio": "1",
            "traces_per_second": "1000",
        }
        parts = (postgres_server.url(database), nats_server.url())
        async with Database(parts[0]) as connected:
            key = (await create_key(Sessions(connected), "somebody")).text
        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(await Bus.connect(parts[1], name="played host"))
            host = await stack.enter_async_context(TracedHost(bus, prefix))
            taking, settling = [
                await stack.enter_async_context(orchestration_process(folder / name, *parts, **settings))
                for name in ("taking", "settling")
            ]
            started = await _trigger(taking.url, key)
            await _send_once(parts[0])
            await taking.stop()
            await host.begin()
            async with AirlockClient(settling.url, key) as client:
                runs = await _settle(Driver(client, parts[0]), started)
            await settling.stop()
        yield Traced(runs, sink.spans, sink.bodies, gone=f"-{taking.process.pid}")
    databases.drop(database)


async def _send_once(database_url: str) -> None:
    """However long it takes until a host begins: what waits for one is not sent again meanwhile."""
    connection = await asyncpg.connect(database_url)
    try:
        later = "UPDATE attempts SET redispatch_at = redispatch_at + interval '1 hour'"
        await connection.execute(f"{later} WHERE status = 'DISPATCHED'")
    finally:
        await connection.close()


async def _trigger(url: str, key: str) -> dict[str, str]:
    """Register, apply and trigger everything; answers the runs by their workflows."""
    headers = {"Authorization": f"Bearer {key}"}
    started: dict[str, str] = {}
    async with AirlockClient(url, key) as client, httpx2.AsyncClient(base_url=url, headers=headers) as http:
        await client.register_agent(json.dumps(echo_agent()).encode())
        for name, nodes in WORKFLOWS.items():
            await client.apply_workflow(json.dumps({"name": name, "nodes": nodes}).encode())
            carried = {"whole": CALLER, "unkept": UNKEPT}.get(name)
            answer = await http.post(
                f"/api/workflows/{name}/trigger",
                json={"context": {"secret": SECRET_TEXT}},
                headers={} if carried is None else {"traceparent": carried},
            )
            assert answer.status_code == 202, answer.text
            started[name] = answer.json()["id"]
    return started


async def _settle(driver: Driver, started: Mapping[str, str]) -> dict[str, RunView]:
    """See all runs to their ends, and the failed one retried; answers them by name."""
    whole = started["whole"]
    await driver.until_node(whole, "after", NodeStatus.SKIPPED)
    await driver.decide(whole, "gate", Verdict.APPROVED)
    await driver.let_lease_lapse(started["lost"], "quiet")
    await driver.decide(started["refused"], "asked", Verdict.REJECTED)
    await driver.until_node(started["cancelled"], "held", NodeStatus.RUNNING)
    await driver.client.cancel(started["cancelled"], SECRET_TEXT)
    runs = {
        "whole": await driver.until(whole, RunStatus.FAILED),
        "lost": await driver.until(started["lost"], RunStatus.SUCCESS),
        "refused": await driver.until(started["refused"], RunStatus.FAILED),
        "cancelled": await driver.until(started["cancelled"], RunStatus.CANCELLED),
        "unkept": await driver.until(started["unkept"], RunStatus.SUCCESS),
    }
    again = await driver.client.retry(whole)
    runs["retried"] = await driver.until(again.id, RunStatus.FAILED)
    return runs


@pytest.fixture
def no_blocking_call() -> None:
    """Whatever blocks here is the test's own; the processes under test are others."""
