"""What counting requests in Postgres, for all replicas together, costs a trigger.

Measures in one call, round by round, so that both see the same machine: triggers through the whole API, with
the real door and a Postgres of its own that has fsync on, once counted in memory and once in Postgres. Hosts
there are none: a trigger ends with its commit. HTTP is left out, since both pay the same for it.
Prints milliseconds per trigger one after another, and triggers per second with 64 in flight, with spreads.

`python load-tests/rate_limit_cost.py [--rounds 10] [--triggers 100]`
"""

import argparse
import asyncio
import dataclasses
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path as FilePath

import httpx2
from airlock_chassis.health import Health as Checks
from airlock_client.embedded import EmbeddedPostgres
from airlock_contracts.messages import ImageReply
from airlock_orchestration.api import Dependencies, Limits, build_api
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.approvals import Approvals
from airlock_orchestration.operations.artifacts import Artifacts
from airlock_orchestration.operations.bells import Bells
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.health import SERVICE, VERSION, Health
from airlock_orchestration.operations.keys import KeyRing, create_key
from airlock_orchestration.operations.runs import Runs
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.migrate import upgrade
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache
from airlock_orchestration.store.rates import RateStorage
from airlock_orchestration.store.sessions import Sessions
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

IN_FLIGHT = 64
AGENT = {
    "name": "noop",
    "version": "1.0.0",
    "type": "SCRIPT",
    "image": "example.com/noop:1",
    "actions": {"echo": {"input_schema": {"type": "object"}, "output_schema": {"type": "object"}}},
}
WORKFLOW = {"name": "chain", "nodes": [{"id": "a", "agent": "noop", "action": "echo"}]}


@asynccontextmanager
async def clients(url: str) -> AsyncIterator[Mapping[str, httpx2.AsyncClient]]:
    """Two clients of one service, which differ in where their requests are counted."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(url))
        sessions, plans = Sessions(database), PlanCache()
        door = Door(Path(database, plans), PostgresClock(), lambda _: None)
        storage = RateStorage(sessions)
        stack.push_async_callback(storage.close)
        parts = Dependencies(
            sessions=sessions,
            keys=KeyRing(sessions),
            runs=Runs(sessions, door, plans),
            approvals=Approvals(sessions, door),
            artifacts=Artifacts(sessions),
            health=Health.over(Checks(SERVICE, VERSION), sessions, _answering),
            resolve_image=_resolve,
            bells=Bells(),
            rates=MovingWindowRateLimiter(storage),
            render_metrics=lambda: b"",
            metrics_type="text/plain",
            limits=Limits(create=10**6, trigger=10**6, read=10**6),
        )
        serving = asyncio.create_task(door.serve())
        key = (await create_key(sessions, "bench")).text
        in_memory = dataclasses.replace(parts, rates=MovingWindowRateLimiter(MemoryStorage()))
        made = {}
        for name, one in (("in memory", in_memory), ("in Postgres", parts)):
            transport = httpx2.ASGITransport(app=build_api(one))
            headers = {"Authorization": f"Bearer {key}"}
            made[name] = await stack.enter_async_context(
                httpx2.AsyncClient(transport=transport, base_url="http://airlock", headers=headers)
            )
        yield made
        door.close()
        await serving


async def _answering() -> None:
    """There is no NATS to ask."""


async def _resolve(pool: str, image: str) -> ImageReply:
    return ImageReply(digest="sha256:" + "1" * 64)


async def trigger(client: httpx2.AsyncClient) -> float:
    """Trigger once; milliseconds."""
    began = time.perf_counter()
    answer = await client.post("/api/workflows/chain/trigger", json={"context": {}})
    assert answer.status_code == 202, answer.text
    return (time.perf_counter() - began) * 1000


async def one_by_one(client: httpx2.AsyncClient, triggers: int) -> float:
    """Milliseconds of a trigger, the median of so many."""
    return statistics.median([await trigger(client) for _ in range(triggers)])


async def in_flight(client: httpx2.AsyncClient, triggers: int) -> float:
    """Triggers per second with 64 under way."""
    left = iter(range(triggers * 4))

    async def again() -> None:
        for _ in left:
            await trigger(client)

    began = time.perf_counter()
    await asyncio.gather(*(again() for _ in range(IN_FLIGHT)))
    return triggers * 4 / (time.perf_counter() - began)


async def measure(url: str, rounds: int, triggers: int) -> None:
    """Measure round by round, and print."""
    await upgrade(url)
    async with clients(url) as both:
        first = both["in memory"]
        for path, body in (("/api/agents", AGENT), ("/api/workflows", WORKFLOW)):
            assert (await first.post(path, json=body)).status_code == 201
        for client in both.values():
            await in_flight(client, triggers)  # warm
        for work, unit in ((one_by_one, "ms per trigger"), (in_flight, f"triggers/s, {IN_FLIGHT} in flight")):
            found: dict[str, list[float]] = {name: [] for name in both}
            for turn in range(rounds):
                for name in list(both) if turn % 2 else list(both)[::-1]:
                    found[name].append(await work(both[name], triggers))
            for name, values in found.items():
                spread = f"{min(values):.2f} to {max(values):.2f}, {rounds} rounds of {triggers}"
                print(f"counted {name:<12}{statistics.median(values):>10.2f} {unit}  ({spread})")
            alone, shared = found["in memory"], found["in Postgres"]
            more = [(after / before - 1) * 100 for before, after in zip(alone, shared, strict=True)]
            spread = f"{min(more):+.1f} to {max(more):+.1f}"
            print(f"  round by round{statistics.median(more):>+15.1f} %  ({spread})")


def main() -> None:
    """Start a Postgres, measure, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--triggers", type=int, default=100, help="triggers of a round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airlock-rates-") as folder:
        FilePath(folder).chmod(0o711)  # as root, Postgres runs under an account of its own
        with EmbeddedPostgres(FilePath(folder) / "postgres") as server:
            asyncio.run(measure(server.url(), arguments.rounds, arguments.triggers))


if __name__ == "__main__":
    main()
