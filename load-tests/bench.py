"""The first figures: what a step costs in a fresh container, bare and through Airlock.

Measures in one call, round by round, so that both see the same machine:
- bare cycles: create, attach, start, write, read, wait, remove through the Docker SDK, with the very
  container configuration that Airlock uses, and `cat` inside;
- a chain of no-op steps (`cat` again, stdio) through Airlock: REST, Postgres, JetStream, host, sandbox;
- bare cycles again.
Prints ms per step of each with their spread, the difference (Airlock's own cost: a round's step less the mean
of the bare cycles around it) and what Postgres did.

`python load-tests/bench.py [--steps 40] [--cycles 20] [--rounds 3] [--json]`
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import docker
import httpx2
from airlock_agents.sandbox.engine import connect, find_engine
from airlock_agents.sandbox.policy import HostLimits, Owner, container_policy
from airlock_client.client import AirlockClient
from airlock_client.local.folder import DataFolder
from airlock_client.local.shipped import build_images
from airlock_client.local.stack import Stack
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import RunStatus

IMAGE = "airlock-base"
MANIFEST = {
    "name": "noop",
    "version": "1.0.0",
    "type": "SCRIPT",
    "image": IMAGE,
    "command": ["cat"],
    "protocol": "stdio",
    "limits": {"memory_mb": 64, "timeout_seconds": 60},
    "actions": {"echo": {"input_schema": {"type": "object"}, "output_schema": {"type": "object"}}},
}
RUN_SECONDS = 300
IDLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds: median, and the spread from least to most."""

    name: str
    samples: int
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, name: str, samples: Sequence[float]) -> "Figure":
        return cls(
            name,
            len(samples),
            round(statistics.median(samples), 1),
            round(min(samples), 1),
            round(max(samples), 1),
        )

    def __str__(self) -> str:
        spread = f"{self.least:.1f} to {self.most:.1f}, {self.samples} samples"
        return f"{self.name:<46}{self.median:>9.1f} ms   ({spread})"


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that one call of the bench measured."""

    bare: Figure
    step: Figure
    own_cost: Figure
    """Per round: its step less the mean of the bare cycles right before and after."""
    container: Figure
    """What the container alone took inside Airlock's steps: create to ready, and the agent's run."""
    commits_per_step: float
    """Transactions of the door, by its own counter."""
    transactions_per_step: float
    """All that Postgres counted while the chains ran, less what an idle install does in that time."""
    statements_per_step: float
    """All that Postgres was asked to execute during one more chain, by its own log; likewise."""


def bare_cycles(client: docker.APIClient, image: str, cycles: int) -> list[float]:
    """Run full cycles through the SDK; milliseconds of each."""
    taken = []
    for n in range(cycles + 1):
        owner = Owner(install="airlock-bench", host="bench", boot="bench", sandbox=f"bare-{n}")
        manifest = Manifest.model_validate(MANIFEST)
        config = container_policy(
            manifest=manifest, image=image, host=HostLimits(), owner=owner, processors=os.cpu_count() or 1
        ).to_api()
        began = time.monotonic()
        container = client.create_container_from_config(config, owner.container_name)["Id"]
        try:
            stream = client.attach_socket(
                container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            )
            client.start(container)
            raw: socket.socket = stream._sock
            raw.sendall(b"{}")
            raw.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := raw.recv(4096):
                answer += piece
            stream._response.close()
            stream.close()
            assert answer[8:] == b"{}", answer
            client.wait(container)
        finally:
            client.remove_container(container, force=True, v=True)
        if n:  # the first warms the engine's caches
            taken.append((time.monotonic() - began) * 1000)
    return taken


async def apply_chain(client: AirlockClient, steps: int) -> None:
    """Register the no-op agent and a chain of it."""
    await client.register_agent(json.dumps(MANIFEST).encode())
    nodes = [
        {
            "id": f"n{n}",
            "agent": "noop",
            "action": "echo",
            "depends_on": [f"n{n - 1}"] if n else [],
            "inputs": {},
        }
        for n in range(steps)
    ]
    await client.apply_workflow(json.dumps({"name": "bench-chain", "nodes": nodes}).encode())


async def run_chain(client: AirlockClient) -> tuple[float, list[float]]:
    """Run the chain once: ms per step, and per step what the container took."""
    run = (await client.trigger("bench-chain", {})).id
    async with asyncio.timeout(RUN_SECONDS):
        async for _ in client.events(run):
            pass  # until it has ended
    view = await client.run(run)
    assert view.status is RunStatus.SUCCESS, view.failure
    assert view.finished_at is not None
    containers = [
        usage.start_ms + usage.run_ms
        for node in view.nodes
        if (usage := node.attempts[-1].usage) is not None
        and usage.start_ms is not None
        and usage.run_ms is not None
    ]
    return (view.finished_at - view.created_at).total_seconds() * 1000 / len(view.nodes), containers


async def commits(url: str) -> float:
    """The door's commits so far, from /metrics."""
    async with httpx2.AsyncClient(base_url=url) as http:
        text = (await http.get("/metrics")).text
    found = re.search(r"^commits_total ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def transactions(connection: asyncpg.Connection) -> int:
    """Transactions that Postgres has counted in this database; its counters lag by up to a second."""
    await asyncio.sleep(1.5)
    return int(
        await connection.fetchval(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
    )


def read_line(path: Path) -> str:
    """A file's one line."""
    return path.read_text().strip()


async def statements(client: AirlockClient, connection: asyncpg.Connection, log: Path, steps: int) -> float:
    """Let Postgres log every statement, idle and during one chain; per step, the difference."""
    await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(1.0)
    began, before = time.monotonic(), await asyncio.to_thread(logged, log)
    await asyncio.sleep(IDLE_SECONDS)
    idle = (await asyncio.to_thread(logged, log) - before) / (time.monotonic() - began)
    began, before = time.monotonic(), await asyncio.to_thread(logged, log)
    await run_chain(client)
    done = await asyncio.to_thread(logged, log) - before - idle * (time.monotonic() - began)
    await connection.execute("ALTER SYSTEM RESET log_statement")
    await connection.execute("SELECT pg_reload_conf()")
    return done / steps


def logged(log: Path) -> int:
    """How many statements a Postgres log names."""
    return len(re.findall(rb"LOG:  (?:execute |statement: )", log.read_bytes()))


async def measure(arguments: argparse.Namespace) -> Result:
    """Do all of it. What was started is stopped."""
    await build_images(lambda text: print(text, file=sys.stderr))
    engine = connect(await asyncio.to_thread(find_engine, os.environ, Path.home()))
    image = engine.inspect_image(IMAGE)["Id"]
    data = Path(tempfile.mkdtemp(prefix="airlock-bench-"))
    os.chmod(data, 0o711)
    folder = DataFolder(data / "data")
    try:
        async with Stack(folder, port=0, say=lambda text: print(text, file=sys.stderr)) as stack:
            key = await asyncio.to_thread(read_line, folder.admin_key)
            url = await asyncio.to_thread(read_line, folder.path / "secrets" / "database-url")
            connection = await asyncpg.connect(url)
            try:
                async with AirlockClient(stack.api_url, key) as client:
                    log = folder.path / "postgres" / "server.log"
                    return await rounds(arguments, engine, image, client, connection, log)
            finally:
                await connection.close()
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def rounds(
    arguments: argparse.Namespace,
    engine: docker.APIClient,
    image: str,
    client: AirlockClient,
    connection: asyncpg.Connection,
    log: Path,
) -> Result:
    """Warm up once, then measure round by round."""
    await apply_chain(client, arguments.steps)
    await run_chain(client)
    idle_from, began = await transactions(connection), time.monotonic()
    idle = (await transactions(connection) - idle_from) / (time.monotonic() - began)
    bare, steps, own, containers = [], [], [], []
    commits_done = transactions_done = 0.0
    around = await asyncio.to_thread(bare_cycles, engine, image, arguments.cycles)
    for n in range(arguments.rounds):
        print(f"round {n + 1} of {arguments.rounds}", file=sys.stderr)
        commits_before, counted = await commits(client.url), await transactions(connection)
        began = time.monotonic()
        step, taken = await run_chain(client)
        busy = time.monotonic() - began
        commits_done += await commits(client.url) - commits_before
        transactions_done += await transactions(connection) - counted - idle * busy
        after = await asyncio.to_thread(bare_cycles, engine, image, arguments.cycles)
        bare += around
        steps.append(step)
        containers += taken
        own.append(step - statistics.mean(around + after))
        around = after
    bare += around
    done = arguments.steps * arguments.rounds
    return Result(
        bare=Figure.of("bare Docker cycle", bare),
        step=Figure.of("Airlock step", steps),
        own_cost=Figure.of("Airlock's own cost", own),
        container=Figure.of("  of a step: the container, create to answer", containers),
        commits_per_step=round(commits_done / done, 3),
        transactions_per_step=round(transactions_done / done, 2),
        statements_per_step=round(await statements(client, connection, log, arguments.steps), 2),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a step costs, bare and through Airlock.")
    parser.add_argument("--steps", type=int, default=40, help="no-op steps in a chain")
    parser.add_argument(
        "--cycles", type=int, default=20, help="bare Docker cycles before and after each chain"
    )
    parser.add_argument("--rounds", type=int, default=3, help="chains, beside one to warm up")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments))
    if arguments.json:
        print(json.dumps(asdict(result), indent=2))
        return
    for figure in (result.bare, result.step, result.container, result.own_cost):
        print(figure)
    print(f"  expected under 10 ms: {'met' if result.own_cost.median < 10 else 'NOT met'}")
    print(f"{'door commits per step':<46}{result.commits_per_step:>9.3f}")
    # One commit per step, and one more per chain: its trigger's.
    expected = 1 + 1 / arguments.steps
    print(f"  expected 1: {'met' if result.commits_per_step <= expected + 0.001 else 'NOT met'}")
    print(f"{'database statements per step, all told':<46}{result.statements_per_step:>9.2f}")
    print(f"{'database transactions per step, all told':<46}{result.transactions_per_step:>9.2f}")


if __name__ == "__main__":
    main()
