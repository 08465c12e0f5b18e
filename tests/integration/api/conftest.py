"""The API over a real Postgres and the real door; hosts are played by signals: nothing here runs agents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from airlock_chassis.health import Health as Checks
from airlock_chassis.health import Probe
from airlock_client.embedded import EmbeddedPostgres
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import ImageReply
from airlock_orchestration.api import Dependencies, Limits, build_api
from airlock_orchestration.engine.signals import (
    ApprovalExpired,
    AttemptClaimed,
    AttemptFailed,
    AttemptSucceeded,
)
from airlock_orchestration.operations.advance import Advanced, Door
from airlock_orchestration.operations.approvals import Approvals
from airlock_orchestration.operations.artifacts import Artifacts
from airlock_orchestration.operations.bells import Bells
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.operations.health import SERVICE, VERSION, Health
from airlock_orchestration.operations.keys import KeyRing, create_key
from airlock_orchestration.operations.runs import Runs
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.store.rates import RateStorage
from airlock_orchestration.store.sessions import Sessions
from airlock_orchestration.store.tables import KeyRole
from api_served import Player, Served, served
from fastapi import FastAPI
from limits.aio.strategies import MovingWindowRateLimiter

TOKEN = "token-0123456789abcdef"
TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}
ECHO: dict[str, Any] = {
    "name": "echo",
    "version": "1.0.0",
    "type": "SCRIPT",
    "image": "example.com/echo:1",
    "actions": {"say": {"input_schema": TEXT, "output_schema": TEXT}},
}
CHAIN: dict[str, Any] = {
    "name": "chain",
    "input_schema": TEXT,
    "nodes": [
        {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}},
        {
            "id": "b",
            "agent": "echo",
            "action": "say",
            "depends_on": ["a"],
            "inputs": {"text": "{{ nodes.a.output.text }}"},
        },
    ],
}
GATED: dict[str, Any] = {
    "name": "gated",
    "input_schema": TEXT,
    "nodes": [
        {
            "id": "ask",
            "agent": "echo",
            "action": "say",
            "inputs": {"text": "{{ context.text }}"},
            "approval": {"expires_in": "1h", "preview": "say {{ context.text }}"},
        }
    ],
}


@dataclass
class Images:
    """What the hosts of the pool `default` say about images."""

    known: dict[str, str] = field(default_factory=lambda: {"example.com/echo:1": "sha256:" + "1" * 64})
    hosts_up: bool = True
    has_everything: bool = False
    """There is a host in every pool, and it has every image."""

    async def resolve(self, pool: str, image: str) -> ImageReply | None:
        if self.has_everything:
            return ImageReply(digest="sha256:" + "1" * 64)
        if not self.hosts_up or pool != "default":
            return None
        if image in self.known:
            return ImageReply(digest=self.known[image])
        return ImageReply(problem=f"no such image: {image}")


@dataclass
class Rig:
    """The API and what stands behind it."""

    app: FastAPI
    client: httpx2.AsyncClient
    deps: Dependencies
    door: Door
    sessions: Sessions
    images: Images
    bells: Bells
    admin_key: str
    hosts: Sequence[Player] = ()

    async def rested(self) -> None:
        """Wait until the played hosts have nothing to do."""
        for host in self.hosts:
            await host.rested()

    def client_of(self, key: str | None) -> httpx2.AsyncClient:
        """A client with another key, or with none."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://airlock.example.com", headers=headers)

    async def new_key(self, name: str, role: KeyRole = KeyRole.ADMIN) -> str:
        """The text of a new key."""
        return (await create_key(self.sessions, name, role=role)).text

    async def register(self, **changes: Any) -> dict[str, Any]:
        """Register agent `echo`, changed as told."""
        answer = await self.client.post("/api/agents", json={**ECHO, **changes})
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def apply(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Apply a workflow."""
        answer = await self.client.post("/api/workflows", json=spec)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def start(self, spec: dict[str, Any] = CHAIN, text: str = "hello") -> str:
        """Register, apply, trigger; answers the run."""
        await self.register()
        await self.apply(spec)
        body = {"context": {"text": text}}
        answer = await self.client.post(f"/api/workflows/{spec['name']}/trigger", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def run(self, run: str) -> dict[str, Any]:
        """A run as REST shows it."""
        answer = await self.client.get(f"/api/runs/{run}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def waiting(self, text: str = "hello") -> tuple[str, dict[str, Any]]:
        """A run that waits at a gate, and its approval."""
        run = await self.start(GATED, text)
        approval = (await self.run(run))["nodes"][0]["approval"]
        assert approval["status"] == "PENDING"
        return run, approval

    async def claim(self, run: str, node: str, number: int = 1) -> Advanced:
        """A host takes the attempt."""
        return await self.door.advance(AttemptClaimed(run, node, number, TOKEN, "host-1"))

    async def succeed(self, run: str, node: str, output: object, number: int = 1) -> Advanced:
        """A host reports an output."""
        data = json.dumps(output).encode()
        signal = AttemptSucceeded(run, node, number, TOKEN, "host-1", output=data, value=output)
        return await self.door.advance(signal)

    async def expire(self, run: str, approval: dict[str, Any]) -> Advanced:
        """The sweep finds the approval expired."""
        return await self.door.advance(ApprovalExpired(run, approval["node"], approval["id"]))

    async def fail(self, run: str, node: str, number: int = 1, *, retryable: bool = False) -> Advanced:
        """A host reports a failure."""
        failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="it broke", retryable=retryable)
        return await self.door.advance(AttemptFailed(run, node, number, TOKEN, "host-1", failure=failure))


async def answering() -> None:
    """The probe of a NATS that is there."""


@asynccontextmanager
async def standing(
    url: str,
    limits: Limits,
    *,
    requester_may_decide: bool = True,
    nats: Probe = answering,
    play_host: bool = False,
) -> AsyncIterator[Rig]:
    """The whole, connected, with a door that serves."""
    async with Database(url) as database:
        sessions, plans, bells = Sessions(database), PlanCache(), Bells()
        images = Images(has_everything=play_host)
        hosts: list[Player] = []
        rates = RateStorage(sessions)

        def after(committed: Sequence[Committed]) -> None:
            bells.ring({one.step.run.id for one in committed})
            for host in hosts:
                host.take(committed)

        door = Door(Path(database, plans), PostgresClock(), after)
        hosts += [Player(door)] if play_host else []
        checks = Checks(SERVICE, VERSION)
        checks.accepting = True
        deps = Dependencies(
            sessions=sessions,
            keys=KeyRing(sessions, cache_seconds=0.3),
            runs=Runs(sessions, door, plans),
            approvals=Approvals(sessions, door, requester_may_decide=requester_may_decide),
            artifacts=Artifacts(sessions),
            health=Health.over(checks, sessions, nats),
            resolve_image=images.resolve,
            bells=bells,
            rates=MovingWindowRateLimiter(rates),
            render_metrics=lambda: b"# metrics\n",
            metrics_type="text/plain; version=0.0.4",
            limits=limits,
        )
        app = await asyncio.to_thread(build_api, deps)  # slowapi looks for a file when it is made
        admin = (await create_key(sessions, "alice")).text
        rig = Rig(app, httpx2.AsyncClient(), deps, door, sessions, images, bells, admin)
        await rig.client.aclose()
        serving = asyncio.create_task(door.serve())
        async with rig.client_of(admin) as client:
            yield replace(rig, client=client, hosts=hosts)
        for host in hosts:
            await host.leave()
        await rates.close()
        door.close()
        await serving


@pytest.fixture
async def rig(migrated_database_url: str) -> AsyncIterator[Rig]:
    """The API with limits that no test reaches."""
    plenty = Limits(create=10_000, trigger=10_000, read=10_000)
    async with standing(migrated_database_url, plenty) as built:
        yield built


@pytest.fixture(scope="session")
def served_api(postgres_server: EmbeddedPostgres, databases: Any, migrated_template: str) -> Iterator[Served]:
    """The API behind a port, for clients that are no coroutines; a host is played that echoes its input."""
    name = databases.make(template=migrated_template)
    plenty = Limits(create=10**7, trigger=10**7, read=10**7)
    with served(lambda: standing(postgres_server.url(name), plenty, play_host=True)) as serving:
        yield serving
    databases.drop(name)


@pytest.fixture
def stand_on() -> Callable[[str], AbstractAsyncContextManager[Rig]]:
    """The API over a database of the test's own."""
    return lambda url: standing(url, Limits(create=10_000, trigger=10_000, read=10_000))


@pytest.fixture
async def strict_rig(migrated_database_url: str) -> AsyncIterator[Rig]:
    """The same, where who started a run may not decide about it."""
    plenty = Limits(create=10_000, trigger=10_000, read=10_000)
    async with standing(migrated_database_url, plenty, requester_may_decide=False) as built:
        yield built


@pytest.fixture
async def limited_rig(migrated_database_url: str) -> AsyncIterator[Rig]:
    """The API with the limits that it has by default."""
    async with standing(migrated_database_url, Limits()) as built:
        yield built


@pytest.fixture
def idempotency_key() -> str:
    """A key for one request."""
    return str(uuid4())
