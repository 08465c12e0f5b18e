"""Runs of every kind over two replicas, of which the one that took the triggers is gone, and their spans."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from airlock_chassis.bus import Bus, BusOptions
from airlock_client.client import AirlockClient
from airlock_contracts.statuses import NodeStatus, RunStatus, Verdict
from airlock_contracts.views import NodeView, RunView
from otlp_spans import otlp_sink
from played_host import PlayedHost
from traced_runs import AGENT, CALLER, SECRET_TEXT, UNKEPT, WORKFLOWS, Traced

_POLL = 0.05


class Replica:
    """An orchestration process."""

    def __init__(self, folder: Path, name: str, settings: Mapping[str, str]) -> None:
        self._port_file = folder / f"{name}.port"
        self._log = folder / f"{name}.log"
        self._settings = {**settings, "AIRLOCK_API_PORT": "0", "AIRLOCK_API_PORT_FILE": str(self._port_file)}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start it; answers its address once it listens."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("AIRLOCK_")}
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "airlock_orchestration"),
                env=clean | self._settings,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(60):
            while not (self._port_file.exists() and self._port_file.read_text().endswith("\n")):
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(_POLL)
        return f"http://127.0.0.1:{self._port_file.read_text().strip()}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def stop(self) -> None:
        """SIGTERM: it hands its spans over and ends well."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self._process.wait(), 60) == 0, self._log.read_text()


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
        prefix = f"t{uuid4().hex[:12]}"
        settings = {
            "AIRLOCK_DATABASE_URL": postgres_server.url(database),
            "AIRLOCK_NATS_URL": nats_server.url(),
            "AIRLOCK_SUBJECT_PREFIX": prefix,
            "AIRLOCK_OTLP_ENDPOINT": sink.endpoint,
            "AIRLOCK_TRACE_RATIO": "1",
            "AIRLOCK_TRACES_PER_SECOND": "1000",
        }
        key = await _first_key(settings, folder)
        taking, settling = Replica(folder, "taking", settings), Replica(folder, "settling", settings)
        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(_bus(nats_server.url()))
            host = await stack.enter_async_context(PlayedHost(bus, prefix))
            urls = await asyncio.gather(taking.start(), settling.start())
            stack.push_async_callback(settling.stop)
            stack.push_async_callback(taking.stop)
            started = await _trigger(urls[0], key)
            await taking.stop()
            await host.begin()
            async with AirlockClient(urls[1], key) as client:
                runs = await _settle(Driver(client, settings["AIRLOCK_DATABASE_URL"]), started)
        yield Traced(runs, sink.spans, sink.bodies, gone=f"-{taking.pid}")
    databases.drop(database)


async def _first_key(settings: Mapping[str, str], folder: Path) -> str:
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airlock_orchestration", "keys", "create", "--name", "somebody"),
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await made.communicate()
    key: str = json.loads(said)["key"]
    return key


@asynccontextmanager
async def _bus(url: str) -> AsyncIterator[Bus]:
    bus = Bus(BusOptions(url=url, name="played-host"))
    await bus.open(timeout=10)
    try:
        yield bus
    finally:
        await bus.close()


async def _trigger(url: str, key: str) -> dict[str, str]:
    """Register, apply and trigger everything; answers the runs by their workflows."""
    headers = {"Authorization": f"Bearer {key}"}
    started: dict[str, str] = {}
    async with AirlockClient(url, key) as client, httpx2.AsyncClient(base_url=url, headers=headers) as http:
        await client.register_agent(json.dumps(AGENT).encode())
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
