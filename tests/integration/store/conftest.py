"""A store on a real Postgres, with a workflow in it, and the engine to move its runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from airlock_contracts.manifest import AgentVersion, Manifest
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.engine.plan import Plan, make_plan
from airlock_orchestration.engine.signals import AttemptClaimed, AttemptSucceeded, RunStarted, Signal
from airlock_orchestration.engine.state import RunState, Values
from airlock_orchestration.engine.step import fold, new_run
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.door.apply import apply
from airlock_orchestration.store.door.changes import Applied, Guard, RunChange, RunCreation
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.store.runs import load_states

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TOKEN = "token-0123456789abcdef"
CHAIN: list[dict[str, Any]] = [
    {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}},
    {"id": "b", "agent": "echo", "action": "say", "depends_on": ["a"], "inputs": {"text": "again"}},
]
GATED: list[dict[str, Any]] = [
    {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}},
    {
        "id": "ask",
        "agent": "echo",
        "action": "say",
        "depends_on": ["a"],
        "inputs": {"text": "{{ nodes.a.output.text }}"},
        "approval": {"expires_in": "1h", "preview": "say {{ nodes.a.output.text }}"},
    },
]


@dataclass(frozen=True)
class Seeded:
    """A workflow version with its agent, as they stand in the database."""

    plan: Plan
    workflow_id: str
    workflow_version_id: str
    agents: dict[str, str]

    def creation(self, context: bytes = b"{}", **more: Any) -> RunCreation:
        """What a new run of it is made of."""
        fields: dict[str, Any] = {"context_sha256": "0" * 64, "created_by": "test", "trigger_kind": "api"}
        return RunCreation(
            workflow_id=self.workflow_id,
            workflow_version_id=self.workflow_version_id,
            context=context,
            agents=self.agents,
            **fields | more,
        )


@dataclass
class Shop:
    """What a test of the store works with."""

    database: Database
    connection: Any
    plans: PlanCache = field(default_factory=PlanCache)

    async def workflow(self, nodes: list[dict[str, Any]], name: str = "flow") -> Seeded:
        """Register agent `echo` and a workflow of these nodes."""
        schema = {"type": "object", "properties": {"text": {"type": "string"}}}
        manifest = Manifest.model_validate(
            {
                "name": "echo",
                "version": "1.0.0",
                "type": "SCRIPT",
                "image": "example.com/echo:1",
                "actions": {"say": {"input_schema": schema, "output_schema": schema}},
            }
        )
        agent = AgentVersion(
            id=str(uuid4()),
            project="default",
            manifest=manifest,
            image_digest="sha256:" + "1" * 64,
            content_sha256="2" * 64,
            created_at=START,
            created_by="test",
        )
        await self.connection.execute(
            "INSERT INTO agents VALUES ($1, 'default', 'echo', '1.0.0', '1', $2::text::jsonb, $3, $4, "
            "'none', $5, 'test') ON CONFLICT DO NOTHING",
            agent.id,
            manifest.model_dump_json(),
            agent.image_digest,
            agent.content_sha256,
            START,
        )
        row = await self.connection.fetchval("SELECT id::text FROM agents WHERE name = 'echo'")
        agent = agent.model_copy(update={"id": row})
        spec = WorkflowSpec.model_validate({"name": name, "nodes": nodes})
        workflow, version = str(uuid4()), str(uuid4())
        await self.connection.execute(
            "INSERT INTO workflows VALUES ($1, 'default', $2, $3)", workflow, name, START
        )
        await self.connection.execute(
            "INSERT INTO workflow_versions VALUES ($1, $2, 1, $3::text::jsonb, $4, $5, 'test')",
            version,
            workflow,
            spec.model_dump_json(),
            "3" * 64,
            START,
        )
        agents = {"echo": agent.id}
        return Seeded(make_plan("default", 1, spec, {"echo": agent}), workflow, version, agents)

    def change(
        self,
        run: RunState,
        *signals: Signal,
        now: datetime = START,
        values: Values | None = None,
        guards: Sequence[Guard] = (),
        created: RunCreation | None = None,
    ) -> RunChange:
        """What these signals make of the run."""
        step, _ = fold(run, signals, now, values or Values(context={"text": "hello"}))
        return RunChange(
            before_version=run.version,
            run=step.run,
            events=step.events,
            effects=step.effects,
            changed=step.changed,
            created=created,
            guards=tuple(guards),
        )

    def start(
        self, seeded: Seeded, run: str | None = None, now: datetime = START, **creation: Any
    ) -> RunChange:
        """A new run, triggered."""
        context = json.dumps({"text": "hello"}).encode()
        digest = hashlib.sha256(context).hexdigest()
        id_ = run or str(uuid4())
        created = seeded.creation(context, context_sha256=digest, created_by="alice", **creation)
        signal = RunStarted(run=id_, principal="alice", context_sha256=digest)
        new = new_run(id_, seeded.plan, trigger=created.trigger_kind)
        return self.change(new, signal, now=now, created=created)

    async def apply(self, *changes: RunChange) -> Applied:
        """Through the door."""
        return await apply(self.connection, changes)

    async def go(self, change: RunChange) -> RunState:
        """Through the door, and the run as it is then."""
        assert (await self.apply(change)).matched == {change.run.id}
        return await self.load(change.run.id)

    async def load(self, run: str) -> RunState:
        """The run as the database has it."""
        return (await load_states(self.connection, [run], self.plans))[run]

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        return [dict(row) for row in await self.connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")]


def claimed(run: str, node: str = "a", number: int = 1, token: str = TOKEN) -> AttemptClaimed:
    """A claim by one host."""
    return AttemptClaimed(run=run, node=node, number=number, token=token, host="host-1")


def succeeded(run: str, node: str = "a", number: int = 1, text: str = "hi", **more: Any) -> AttemptSucceeded:
    """A report of success."""
    value = {"text": text}
    return AttemptSucceeded(
        run=run,
        node=node,
        number=number,
        token=TOKEN,
        host="host-1",
        output=json.dumps(value).encode(),
        value=value,
        **more,
    )


async def until_waiting(connection: Any) -> None:
    """Until some other connection waits for a lock: a fact of Postgres, looked at again and again."""
    async with asyncio.timeout(5):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Kit:
    """The builders and constants of these tests: a test folder is no package, so they come as a fixture."""

    CHAIN = CHAIN
    GATED = GATED
    START = START
    TOKEN = TOKEN
    SECOND = timedelta(seconds=1)
    claimed = staticmethod(claimed)
    succeeded = staticmethod(succeeded)
    until_waiting = staticmethod(until_waiting)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: Any, databases: Any) -> str:
    """As everywhere, but by the store alone: these tests need no other floor."""
    name: str = databases.make()
    code = "import asyncio, sys; from airlock_orchestration.store.migrate import upgrade; "
    code += "asyncio.run(upgrade(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, postgres_server.url(name)], check=True, timeout=60)
    return name


@pytest.fixture
def kit() -> Kit:
    return Kit()


@pytest.fixture
async def shop(migrated_database_url: str) -> AsyncIterator[Shop]:
    """A store with all its tables and no row."""
    async with Database(migrated_database_url) as database, database.path() as connection:
        yield Shop(database, connection)
