"""A whole install in a folder of its own, a slow agent on it, and what holds whatever happens."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import docker
import pytest
import pytest_asyncio
from airlock_client.client import AirlockClient
from airlock_client.errors import ProblemError, ServerUnreachable
from airlock_client.local.folder import DataFolder
from airlock_client.local.shipped import build_images
from airlock_client.local.stack import Stack
from airlock_contracts.statuses import AttemptStatus, NodeStatus, RunStatus
from airlock_contracts.views import RunView

SLEEPER = """
import json, sys, time
asked = json.load(sys.stdin)
time.sleep(asked["seconds"])
print(json.dumps({"text": asked["text"] + "."}))
"""
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
MANIFEST = {
    "name": "sleeper",
    "version": "1.0.0",
    "type": "SCRIPT",
    "image": "airlock-base",
    "command": ["python3", "-c", SLEEPER],
    "protocol": "stdio",
    "limits": {"memory_mb": 64, "timeout_seconds": 60},
    "actions": {"sleep": {"input_schema": {"type": "object"}, "output_schema": TEXT}},
}


@dataclass
class Install:
    """One install that runs, and what faults do to it."""

    stack: Stack
    client: AirlockClient

    def kill(self, part: str) -> None:
        """kill -9 of one process; the stack starts it again."""
        os.kill(self.stack.parts()[part], signal.SIGKILL)

    async def back(self, part: str, old: int) -> None:
        """Wait until a killed part has another process."""
        async with asyncio.timeout(60):
            while self.stack.parts().get(part) in (None, old):
                await asyncio.sleep(0.05)

    async def kill_and_wait(self, part: str) -> None:
        old = self.stack.parts()[part]
        self.kill(part)
        await self.back(part, old)

    async def chain(self, name: str, nodes: int, seconds: float) -> None:
        """Apply a chain in which each node hands its text on."""
        specs: list[dict[str, Any]] = []
        for n in range(nodes):
            text = "{{ context.text }}" if n == 0 else f"{{{{ nodes.n{n - 1}.output.text }}}}"
            specs.append(
                {
                    "id": f"n{n}",
                    "agent": "sleeper",
                    "action": "sleep",
                    "depends_on": [f"n{n - 1}"] if n else [],
                    "inputs": {"seconds": seconds, "text": text},
                }
            )
        await self.client.apply_workflow(json.dumps({"name": name, "nodes": specs}).encode())

    async def look(self, run: str) -> RunView:
        """The run, as soon as somebody answers."""
        while True:
            try:
                return await self.client.run(run)
            except (ServerUnreachable, ProblemError) as error:
                if isinstance(error, ProblemError) and not error.problem.retryable:
                    raise
                await asyncio.sleep(0.1)

    async def until_node(self, run: str, node: str, status: NodeStatus) -> None:
        """Wait until a node has a status."""
        async with asyncio.timeout(120):
            while True:
                view = await self.look(run)
                if next(n for n in view.nodes if n.id == node).status is status:
                    return
                assert not view.status.is_final, view.failure
                await asyncio.sleep(0.05)

    async def until_final(self, run: str, seconds: float = 240) -> RunView:
        """Wait until a run has ended."""
        async with asyncio.timeout(seconds):
            while not (view := await self.look(run)).status.is_final:
                await asyncio.sleep(0.2)
        return view

    async def check_invariants(self, run: str) -> None:
        """What holds for every run that has succeeded, whatever was killed on the way."""
        view = await self.client.run(run)
        assert view.status is RunStatus.SUCCESS, view.failure
        for node in view.nodes:
            assert node.status is NodeStatus.SUCCESS
            won = [a for a in node.attempts if a.status is AttemptStatus.SUCCESS]
            assert len(won) == 1, f"{node.id} was accepted {len(won)} times"
            assert all(a.status.is_final for a in node.attempts)
        url = (self.stack.folder.path / "secrets" / "database-url").read_text().strip()
        connection = await asyncpg.connect(url)
        try:
            seqs = [
                r["seq"]
                for r in await connection.fetch("SELECT seq FROM events WHERE run_id = $1 ORDER BY seq", run)
            ]
            assert seqs == list(range(1, len(seqs) + 1))
            finished = await connection.fetch(
                "SELECT node FROM events WHERE run_id = $1 AND type = 'node.finished'", run
            )
            assert sorted(r["node"] for r in finished) == sorted(n.id for n in view.nodes)
        finally:
            await connection.close()


@pytest.fixture
def no_blocking_call() -> None:
    """These tests are a client that may read a file; the processes under test are others."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(servers_folder: Path) -> AsyncIterator[Stack]:
    """One install for all of these tests, each of which leaves it as it found it: up."""
    await build_images(lambda _: None)
    folder = DataFolder(servers_folder / "chaos")
    async with Stack(folder, port=0, say=lambda _: None) as running:
        async with AirlockClient(running.api_url, folder.admin_key.read_text().strip()) as client:
            await client.register_agent(json.dumps(MANIFEST).encode())
        yield running
        install = running.install
    shutil.rmtree(folder.path)
    left = await asyncio.to_thread(_remove_containers, install)
    assert not left, "containers were left behind"


@pytest.fixture
async def install(stack: Stack) -> AsyncIterator[Install]:
    """The install, watched over while the test lasts: what is killed is started again."""
    async with AirlockClient(stack.api_url, stack.folder.admin_key.read_text().strip()) as client:
        watching = asyncio.create_task(stack.watch())
        yield Install(stack, client)
        watching.cancel()
        await asyncio.wait({watching})


def _remove_containers(install: str) -> list[str]:
    """Remove what an install has left in Docker; answers the names of it."""
    with closing(docker.from_env(timeout=30)) as client:
        left = client.containers.list(all=True, filters={"label": f"airlock.install={install}"})
        for container in left:
            container.remove(force=True)
        return [str(container.name) for container in left]
