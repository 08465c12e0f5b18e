"""What tests do with the install: apply, trigger, wait for facts, and look at what is left."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import docker
import httpx2
from airlock_client.client import AirlockClient
from airlock_client.local.stack import Stack
from airlock_contracts.statuses import ApprovalStatus, NodeStatus
from airlock_contracts.views import ApprovalView, NodeView, RunView

PARTS = ("orchestration", "agent-host")
_OTHER_RUNS = {"retry_of": None, "reused_from": None}
"""A retry's line names the run it retries beside its own."""
POLL_SECONDS = 0.15
"""Between two looks: a module's tests stay below 1000 reads a minute."""
REMOVAL_SECONDS = 15.0
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ATTEMPT = re.compile(_UUID.pattern + r"/[a-z0-9][a-z0-9-]*(?:\[\d+\])?/\d+\b")
_OF_ATTEMPT = frozenset({"node", "attempt", "agent", "host"})
_UNREAD = frozenset(
    {"claim.unanswered", "message.failed", "message.not_settled", "message.dead_lettered", "batch.failed"}
)
"""Of a message that names its attempt and its host; what more is known of that was not read."""
_UNSENT = frozenset({"dispatch.refused", "dispatch.unknown"})
"""Of an invocation, by its subject alone: no host has it."""


def spec(name: str, nodes: Iterable[Mapping[str, Any]], **more: Any) -> bytes:
    """A workflow's document; a node is of agent `obedient` unless it says otherwise."""
    whole = [{"agent": "obedient", "action": "do"} | dict(node) for node in nodes]
    return json.dumps({"name": name, "nodes": whole} | more).encode()


@dataclass
class Install:
    """The install, a client of it, and Docker as it is seen from outside."""

    stack: Stack
    client: AirlockClient
    http: httpx2.AsyncClient
    """The same key, for what a client that is not ours sends and sees."""
    docker: docker.DockerClient

    async def start(
        self, name: str, nodes: Iterable[Mapping[str, Any]], context: object = None, **more: Any
    ) -> str:
        """Apply a workflow and trigger it; answers the run's id."""
        await self.client.apply_workflow(spec(name, nodes, **more))
        return (await self.client.trigger(name, {} if context is None else context)).id

    async def run(
        self, name: str, nodes: Iterable[Mapping[str, Any]], context: object = None, **more: Any
    ) -> RunView:
        """Apply a workflow, trigger it and wait for the run's end."""
        return await self.until_final(await self.start(name, nodes, context, **more))

    async def until_final(self, run: str, seconds: float = 90) -> RunView:
        """Wait until a run has ended."""
        async with asyncio.timeout(seconds):
            while not (view := await self.client.run(run)).status.is_final:
                await asyncio.sleep(POLL_SECONDS)
        return view

    async def until_node(self, run: str, node: str, status: NodeStatus, seconds: float = 60) -> NodeView:
        """Wait until a node has a status."""
        async with asyncio.timeout(seconds):
            while (found := node_of(await self.client.run(run), node)).status is not status:
                assert not found.status.is_final, found.failure
                await asyncio.sleep(POLL_SECONDS)
        return found

    async def until_asked(self, run: str, node: str) -> ApprovalView:
        """Wait until a node's gate asks; answers its question."""
        asked = (await self.until_node(run, node, NodeStatus.WAITING_APPROVAL)).approval
        assert asked is not None
        assert asked.status is ApprovalStatus.PENDING
        return asked

    async def until_no_container(self, seconds: float = REMOVAL_SECONDS) -> None:
        """Wait until no container of this install is left, running or not; fail where one stays."""
        async with asyncio.timeout(seconds):
            while await asyncio.to_thread(self._containers):
                await asyncio.sleep(POLL_SECONDS)

    def _containers(self) -> list[Any]:
        label = f"airlock.install={self.stack.install}"
        found: list[Any] = self.docker.containers.list(
            all=True, filters={"label": label}, ignore_removed=True
        )
        return found

    async def rows(self, sql: str, *values: object) -> list[Any]:
        """Rows of the install's own database."""
        url = (self.stack.folder.path / "secrets" / "database-url").read_text().strip()
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def stop_and_start(self, name: str, number: signal.Signals = signal.SIGTERM) -> tuple[str, float]:
        """Signal one of our processes, then start it anew; answers how and after how long it ended."""
        part = self.stack._orchestration if name == "orchestration" else self.stack._host
        assert part is not None
        assert part.pid is not None
        began = time.monotonic()
        os.kill(part.pid, number)
        how = await part.ended()
        seconds = time.monotonic() - began
        await part.start()
        if name == "orchestration":
            await self._until_ready()
        return how, seconds

    async def _until_ready(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    if (await self.http.get("/health/ready")).is_success:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(POLL_SECONDS)

    def log_lines(self, part: str, run: str = "") -> list[dict[str, Any]]:
        """The lines of a process's log, or those that belong to a run."""
        lines = self.stack.folder.log(part).read_text().splitlines()
        return [json.loads(line) for line in lines if run in line]

    async def lines_without_ids(self, seen: Mapping[str, int]) -> list[dict[str, Any]]:
        """Of each process's lines after its first `seen`: those about a run that lack its id or its trace, or
        about an attempt that do not say all that is known of that.
        """
        rows = await self.rows("SELECT id::text AS id, split_part(traceparent, '-', 2) AS trace FROM runs")
        trace_of = {row["id"]: row["trace"] for row in rows}
        return [
            line
            for part, old in seen.items()
            for line in self.log_lines(part)[old:]
            if not trace_of.keys().isdisjoint(_UUID.findall(json.dumps(line)))
            and (
                trace_of.get(line.get("run", ""), "none") != line.get("trace_id")
                or (_is_of_attempt(line) and any(not line.get(field) for field in _known_of(line)))
            )
        ]


def _is_of_attempt(line: Mapping[str, Any]) -> bool:
    return "attempt" in line or _ATTEMPT.search(json.dumps(line)) is not None


def _known_of(line: Mapping[str, Any]) -> frozenset[str]:
    """What a line about an attempt can say of it."""
    if line["service"] == "orchestration":
        if line["event"] in _UNREAD:
            return _OF_ATTEMPT - {"agent"}
        if line["event"] in _UNSENT:
            return _OF_ATTEMPT - {"agent", "host"}
        if line.get("status") == "CANCELLED":
            return _OF_ATTEMPT - {"host"}  # it may have been in the queue
    return _OF_ATTEMPT


def node_of(view: RunView, node: str) -> NodeView:
    """One node of a run."""
    return next(one for one in view.nodes if one.id == node)


def code_of(node: NodeView) -> str | None:
    """The code of a node's failure."""
    return node.failure.code if node.failure else None
