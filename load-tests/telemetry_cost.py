"""What telemetry costs: a step of a chain, and throughput with 64 runs in flight, with all of it and without.

Two installs run side by side, and are measured in turn, round by round, in one call, so that both see the
same machine: `on` sends traces (at the default sampling unless told), logs and metrics by OTLP to a sink on
this machine, logs at INFO, and is scraped every 15 s; `off` sends nothing and logs errors only. Three things:
- a chain of no-op steps in real sandboxes: what a user pays, at most 10 % more;
- the same chain answered without a sandbox: what is left when a step costs little, for the curious;
- 64 runs in flight, answered without a sandbox, for Docker's ceiling would hide it: at most 25 % less.
Who answers without a sandbox is this process, over NATS, for both alike.

`python load-tests/telemetry_cost.py [--rounds 5] [--steps 20] [--all-traces] [--no-docker] [--json]`
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import httpx2
from airlock_client.client import AirlockClient
from airlock_client.local.folder import DataFolder
from airlock_client.local.shipped import build_images
from airlock_client.local.stack import Stack
from answering_host import POOL, AnsweringHost
from bench import MANIFEST, RUN_SECONDS, Figure, apply_chain, read_line, run_chain

IN_FLIGHT = 64
SCRAPE_SECONDS = 15.0
NO_BOUND = "1000000"
"""For rates that are not to be met."""
MORE_PER_STEP = 0.10
LESS_THROUGHPUT = 0.25
PLAYED = "noop-played"


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing, off and on; and per round by how much on is more."""

    name: str
    unit: str
    off: Figure
    on: Figure
    change: float
    """Median over the rounds of on / off - 1."""
    least_change: float
    most_change: float
    bound: float | None
    """What `change` must not pass: above it if positive, below it if negative. None: only shown."""

    @property
    def met(self) -> bool:
        """Whether it holds."""
        if self.bound is None:
            return True
        return self.change <= self.bound if self.bound > 0 else self.change >= self.bound

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.unit})"]
        for figure in (self.off, self.on):
            spread = f"{figure.least:.1f} to {figure.most:.1f}, {figure.samples} rounds"
            lines.append(f"  {figure.name:<6}{figure.median:>10.1f}   ({spread})")
        told = f"  change {self.change:+.1%}   ({self.least_change:+.1%} to {self.most_change:+.1%})"
        if self.bound is not None:
            word = "at most" if self.bound > 0 else "at least"
            told += f"   expected {word} {self.bound:+.0%}: {'met' if self.met else 'NOT met'}"
        return "\n".join([*lines, told])

    @classmethod
    def of(
        cls, name: str, unit: str, pairs: Sequence[tuple[float, float]], bound: float | None
    ) -> "Compared":
        """From (off, on) of each round."""
        changes = [on / off - 1 for off, on in pairs]
        return cls(
            name,
            unit,
            off=Figure.of("off", [off for off, _ in pairs]),
            on=Figure.of("on", [on for _, on in pairs]),
            change=statistics.median(changes),
            least_change=min(changes),
            most_change=max(changes),
            bound=bound,
        )


class Measured(Stack):
    """An install whose processes get some settings more."""

    def __init__(self, folder: DataFolder, more: dict[str, str], *, with_host: bool) -> None:
        super().__init__(folder, port=0, say=lambda text: print(text, file=sys.stderr), with_host=with_host)
        self._more = more

    async def _orchestration_settings(self) -> dict[str, str]:
        rates = dict.fromkeys(("AIRLOCK_RATE_TRIGGER", "AIRLOCK_RATE_READ", "AIRLOCK_RATE_CREATE"), NO_BOUND)
        return await super()._orchestration_settings() | rates | self._more

    async def _host_settings(self) -> dict[str, str]:
        return await super()._host_settings() | self._more

    def nats_url(self) -> str:
        """Where whoever answers without a sandbox connects."""
        return self._nats.url()


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two installs, ready to be measured."""

    client: AirlockClient
    database: asyncpg.Connection
    steps: int

    async def chain(self) -> float:
        """Milliseconds per step of one run in real sandboxes."""
        step, _ = await run_chain(self.client)
        return step

    async def played_chain(self) -> float:
        """Milliseconds per step of one run without sandboxes."""
        run = (await self.client.trigger(PLAYED, {})).id
        async with asyncio.timeout(RUN_SECONDS):
            async for _ in self.client.events(run):
                pass  # until it has ended
        view = await self.client.run(run)
        assert view.finished_at is not None
        return (view.finished_at - view.created_at).total_seconds() * 1000 / len(view.nodes)

    async def throughput(self) -> float:
        """Steps per second while 64 runs are in flight, by Postgres' clock."""
        began = await self.database.fetchval("SELECT clock_timestamp()")
        await asyncio.gather(*(self.client.trigger(PLAYED, {}) for _ in range(IN_FLIGHT)))
        left = "SELECT count(*) FROM runs WHERE created_at >= $1 AND finished_at IS NULL"
        async with asyncio.timeout(RUN_SECONDS):
            while await self.database.fetchval(left, began):  # noqa: ASYNC110 - another process's fact
                await asyncio.sleep(0.05)
        seconds = await self.database.fetchval(
            "SELECT extract(epoch FROM max(finished_at) - min(created_at)) FROM runs WHERE created_at >= $1",
            began,
        )
        return IN_FLIGHT * self.steps / float(seconds)


async def apply_played(client: AirlockClient, steps: int) -> None:
    """Register the agent that this process answers for, and a chain of it."""
    manifest = MANIFEST | {"name": PLAYED, "pool": POOL}
    await client.register_agent(json.dumps(manifest).encode())
    nodes = [
        {"id": f"n{n}", "agent": PLAYED, "action": "echo", "depends_on": [f"n{n - 1}"] if n else []}
        for n in range(steps)
    ]
    await client.apply_workflow(json.dumps({"name": PLAYED, "nodes": nodes}).encode())


@asynccontextmanager
async def side(
    data: Path, name: str, more: dict[str, str], arguments: argparse.Namespace
) -> AsyncIterator[Side]:
    """Start one install, apply its workflows, and run each once to warm up."""
    folder = DataFolder(data / name)
    async with AsyncExitStack() as open_:
        stack = await open_.enter_async_context(Measured(folder, more, with_host=not arguments.no_docker))
        await open_.enter_async_context(AnsweringHost(stack.nats_url()))
        key = await asyncio.to_thread(read_line, folder.admin_key)
        client = await open_.enter_async_context(AirlockClient(stack.api_url, key))
        database = await asyncpg.connect(
            await asyncio.to_thread(read_line, folder.path / "secrets" / "database-url")
        )
        open_.push_async_callback(database.close)
        ready = Side(client, database, arguments.steps)
        await apply_played(client, arguments.steps)
        await ready.played_chain()
        await ready.throughput()
        if not arguments.no_docker:
            await apply_chain(client, arguments.steps)
            await ready.chain()
        yield ready


@asynccontextmanager
async def sink() -> AsyncIterator[str]:
    """A collector in a process of its own, as one would have it; its address."""
    program = Path(__file__).with_name("otlp_sink.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        print((await process.stdout.read()).decode().strip(), file=sys.stderr)
        await process.wait()


async def scrape(url: str) -> None:
    """Read /metrics as a Prometheus would, until cancelled."""
    async with httpx2.AsyncClient(base_url=url) as http:
        while True:
            await http.get("/metrics")
            await asyncio.sleep(SCRAPE_SECONDS)


def make_folder() -> Path:
    """A folder of this call's own, which Postgres' own user may enter."""
    data = Path(tempfile.mkdtemp(prefix="airlock-bench-"))
    data.chmod(0o711)
    return data


async def measure(arguments: argparse.Namespace) -> list[Compared]:
    """Do all of it. What was started is stopped."""
    if not arguments.no_docker:
        await build_images(lambda text: print(text, file=sys.stderr))
    data = await asyncio.to_thread(make_folder)
    try:
        async with sink() as endpoint:
            telemetry = {"AIRLOCK_OTLP_ENDPOINT": endpoint, "AIRLOCK_LOG_LEVEL": "INFO"}
            if arguments.all_traces:
                telemetry["AIRLOCK_TRACES_PER_SECOND"] = NO_BOUND
            async with (
                side(data, "off", {"AIRLOCK_LOG_LEVEL": "ERROR"}, arguments) as off,
                side(data, "on", telemetry, arguments) as on,
            ):
                scraping = asyncio.create_task(scrape(on.client.url))
                try:
                    return await compare(off, on, arguments)
                finally:
                    scraping.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await scraping
    finally:
        await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)


async def compare(off: Side, on: Side, arguments: argparse.Namespace) -> list[Compared]:
    """Measure both in turn; who goes first changes from round to round."""
    chains: list[tuple[float, float]] = []
    played: list[tuple[float, float]] = []
    throughput: list[tuple[float, float]] = []
    for n in range(arguments.rounds):
        print(f"round {n + 1} of {arguments.rounds}", file=sys.stderr)
        for pairs, ask in (
            (chains, Side.chain),
            (played, Side.played_chain),
            (throughput, Side.throughput),
        ):
            if ask is Side.chain and arguments.no_docker:
                continue
            order = (off, on) if n % 2 == 0 else (on, off)
            taken = {id(each): await ask(each) for each in order}
            pairs.append((taken[id(off)], taken[id(on)]))
    found = []
    if chains:
        found.append(Compared.of("a step in a sandbox", "ms", chains, MORE_PER_STEP))
    found.append(Compared.of("a step without one", "ms", played, None))
    name = f"{IN_FLIGHT} runs in flight"
    found.append(Compared.of(name, "steps per second", throughput, -LESS_THROUGHPUT))
    return found


def main() -> int:
    """Measure and print; 1 when telemetry costs more than it may."""
    parser = argparse.ArgumentParser(description="What telemetry costs.")
    parser.add_argument("--rounds", type=int, default=5, help="each measures both once")
    parser.add_argument("--steps", type=int, default=20, help="no-op steps in a chain")
    parser.add_argument(
        "--all-traces", action="store_true", help="keep every trace, not as many as by default"
    )
    parser.add_argument("--no-docker", action="store_true", help="leave the sandboxes out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    began = time.monotonic()
    found = asyncio.run(measure(arguments))
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    if arguments.json:
        print(json.dumps([asdict(one) | {"met": one.met} for one in found], indent=2))
    else:
        print("\n".join(str(one) for one in found))
    return 0 if all(one.met for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
