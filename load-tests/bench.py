"""The first figures: what a step costs in a fresh container, bare and through Airlock.

Measures in one call, one after the other on the same machine:
- the bare cycle: create, attach, start, write, read, wait, remove through the Docker SDK, with the very
  container configuration that Airlock uses, and `cat` inside;
- a chain of no-op steps (`cat` again, stdio) through Airlock: REST, Postgres, JetStream, host, sandbox.
Prints ms per step of each with their spread, the difference (Airlock's own cost) and what Postgres did.

`python load-tests/bench.py [--steps 40] [--cycles 40] [--chains 3] [--json]`
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
    own_cost_ms: float
    """Median step less median bare cycle."""
    container_ms: Figure
    """What the container alone took inside Airlock's steps: create to ready, and the agent's run."""
    commits_per_step: float
    """Transactions of the door, by its own counter."""
    database_transactions_per_step: float
    """All that Postgres counted while the chains ran, less what an idle install does in that time."""
    signals: int


def bare_cycles(client: docker.APIClient, image: str, cycles: int) -> list[float]:
    """Run full cycles through the SDK; milliseconds of each."""
    taken = []
    for n in range(cycles + 1):
        owner = Owner(install="airlock-bench", host="bench", boot="bench", sandbox=f"bare-{n}")
        manifest = Manifest.model_validate(MANIFEST)
        config = container_policy(manifest=manifest, image=image, host=HostLimits(), owner=owner).to_api()
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


async def chains(client: AirlockClient, steps: int, count: int) -> tuple[list[float], list[float]]:
    """Run chains of no-op steps; per chain ms per step, and per step what the container took."""
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
    per_step, containers = [], []
    for n in range(count + 1):
        run = (await client.trigger("bench-chain", {})).id
        async with asyncio.timeout(RUN_SECONDS):
            async for _ in client.events(run):
                pass  # until it has ended
        view = await client.run(run)
        assert view.status is RunStatus.SUCCESS, view.failure
        assert view.finished_at is not None
        if not n:
            continue
        per_step.append((view.finished_at - view.created_at).total_seconds() * 1000 / steps)
        for node in view.nodes:
            usage = node.attempts[-1].usage
            if usage is not None and usage.start_ms is not None and usage.run_ms is not None:
                containers.append(usage.start_ms + usage.run_ms)
    return per_step, containers


async def commits(url: str) -> tuple[float, float]:
    """The door's commits and signals so far, from /metrics."""
    async with httpx2.AsyncClient(base_url=url) as http:
        text = (await http.get("/metrics")).text

    def read(name: str) -> float:
        found = re.search(rf"^{name} ([0-9.e+]+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return read("commits_total"), read("signals_per_commit_sum")


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


async def measure(arguments: argparse.Namespace) -> Result:
    """Do all of it. What was started is stopped."""
    await build_images(lambda text: print(text, file=sys.stderr))
    docker_client = connect(find_engine(os.environ, Path.home()))
    image = docker_client.inspect_image(IMAGE)["Id"]
    print(f"bare cycles: {arguments.cycles}", file=sys.stderr)
    bare = await asyncio.to_thread(bare_cycles, docker_client, image, arguments.cycles)
    data = Path(tempfile.mkdtemp(prefix="airlock-bench-"))
    os.chmod(data, 0o711)
    folder = DataFolder(data / "data")
    try:
        async with Stack(folder, port=0, say=lambda text: print(text, file=sys.stderr)) as stack:
            key = await asyncio.to_thread(read_line, folder.admin_key)
            url = await asyncio.to_thread(read_line, folder.path / "secrets" / "database-url")
            connection = await asyncpg.connect(url)
            async with AirlockClient(stack.api_url, key) as client:
                await client.register_agent(json.dumps(MANIFEST).encode())
                print(f"chains: {arguments.chains} of {arguments.steps} steps", file=sys.stderr)
                idle_from = await transactions(connection)
                began = time.monotonic()
                idle = (await transactions(connection) - idle_from) / (time.monotonic() - began)
                before, (commits_before, signals_before) = (
                    await transactions(connection),
                    await commits(stack.api_url),
                )
                began = time.monotonic()
                per_step, containers = await chains(client, arguments.steps, arguments.chains)
                busy = time.monotonic() - began
                commits_after, signals_after = await commits(stack.api_url)
                after = await transactions(connection)
            await connection.close()
    finally:
        shutil.rmtree(data, ignore_errors=True)
    done = arguments.steps * (arguments.chains + 1)
    bare_figure, step_figure = Figure.of("bare Docker cycle", bare), Figure.of("Airlock step", per_step)
    return Result(
        bare=bare_figure,
        step=step_figure,
        own_cost_ms=round(step_figure.median - bare_figure.median, 1),
        container_ms=Figure.of("  of it: the container, create to answer", containers),
        commits_per_step=round((commits_after - commits_before) / done, 3),
        database_transactions_per_step=round((after - before - idle * busy) / done, 2),
        signals=int(signals_after - signals_before),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a step costs, bare and through Airlock.")
    parser.add_argument("--steps", type=int, default=40, help="no-op steps in a chain")
    parser.add_argument("--cycles", type=int, default=40, help="bare Docker cycles")
    parser.add_argument("--chains", type=int, default=3, help="chains, beside one to warm up")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments))
    if arguments.json:
        print(json.dumps(asdict(result), indent=2))
        return
    print(result.bare)
    print(result.step)
    print(result.container_ms)
    print(f"Airlock's own cost{'':<28}{result.own_cost_ms:>9.1f} ms   (median step less median bare cycle)")
    met = "met" if result.own_cost_ms < 10 else "NOT met"
    print(f"  expected under 10 ms: {met}")
    print(f"door commits per step{'':<25}{result.commits_per_step:>9.3f}")
    met = "met" if result.commits_per_step <= 1.05 else "NOT met"
    print(f"  expected 1 (the trigger's own is shared by {result.signals} signals in all): {met}")
    print(f"database transactions per step{'':<16}{result.database_transactions_per_step:>9.2f}")


if __name__ == "__main__":
    main()
