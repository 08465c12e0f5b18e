"""/health/ready of a real process, while Postgres and nats-server are killed, and hang, and come back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from airlock_chassis.bus import Bus
from airlock_client.embedded import EmbeddedNats, EmbeddedPostgres
from airlock_contracts.messages import HeartbeatRequest
from airlock_contracts.subjects import Subjects
from airlock_orchestration.store.migrate import upgrade
from orchestration_process import START_SECONDS, orchestration_process

PROMISED_SECONDS = 5.0
"""From the loss of a part, or its return, until a probe is told."""
HEARTBEAT = HeartbeatRequest(
    host="h1", boot="1", pool="default", version="1", slots=1, busy=0, memory_mb=1024, at=datetime.now(UTC)
)


class Stand:
    """One orchestration process, and the two parts that it stands on."""

    def __init__(self, postgres: EmbeddedPostgres, nats: EmbeddedNats, http: httpx2.AsyncClient) -> None:
        self.parts: dict[str, EmbeddedPostgres | EmbeddedNats] = {"database": postgres, "nats": nats}
        self.http = http

    async def seconds_until(self, status: int, part: str, state: str) -> float:
        """Probe until the answer is this, and says this of the part; answers how long it took."""
        began = time.monotonic()
        async with asyncio.timeout(START_SECONDS):
            while True:
                answer = await self.http.get("/health/ready")
                if answer.status_code == status and answer.json()[part] == state:
                    return time.monotonic() - began
                await asyncio.sleep(0.05)

    async def heartbeat_seconds(self) -> float:
        """How long the process takes to answer a host."""
        nats = self.parts["nats"]
        assert isinstance(nats, EmbeddedNats)
        async with await Bus.connect(nats.url("host")) as bus:
            began = time.monotonic()
            await bus.request(Subjects().heartbeat, HEARTBEAT.encode(), timeout=START_SECONDS)
            return time.monotonic() - began

    def signal(self, part: str, number: signal.Signals) -> None:
        """Signal a part with all its processes."""
        for pid in _tree(self.parts[part].pid):
            os.kill(pid, number)


def _tree(root: int) -> list[int]:
    """A process and all below it, the youngest last."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(
                stat.read_text(errors="replace").rpartition(")")[2].split()[1]
            )
        except OSError:
            continue  # it has just ended
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


@pytest.fixture
def no_blocking_call() -> None:
    """The process under test is another one."""


@pytest.fixture
async def stand(servers_folder: Path, tmp_path: Path) -> AsyncIterator[Stand]:
    """The process, ready."""
    with (
        EmbeddedPostgres(servers_folder / "ready-postgres", settings={"fsync": "off"}) as postgres,
        EmbeddedNats(servers_folder / "ready-nats") as nats,
    ):
        await upgrade(postgres.url())
        async with (
            orchestration_process(tmp_path, postgres.url(), nats.url()) as replica,
            httpx2.AsyncClient(base_url=replica.url, timeout=START_SECONDS) as http,
        ):
            built = Stand(postgres, nats, http)
            await built.seconds_until(200, "nats", "up")
            yield built


async def test_readiness_follows_postgres_and_nats_within_five_seconds(
    stand: Stand, tell_figure: Callable[[str], None]
) -> None:
    measured: dict[str, float] = {}
    for part, server in stand.parts.items():
        await asyncio.to_thread(server.kill)
        measured[f"{part} killed"] = await stand.seconds_until(503, part, "down")
        await asyncio.to_thread(server.restart)
        measured[f"{part} back"] = await stand.seconds_until(200, part, "up")
        stand.signal(part, signal.SIGSTOP)
        measured[f"{part} hangs"] = await stand.seconds_until(503, part, "down")
        stand.signal(part, signal.SIGCONT)
        measured[f"{part} goes on"] = await stand.seconds_until(200, part, "up")
        measured[f"a host is heard after {part}"] = await stand.heartbeat_seconds()
    tell_figure("ready: " + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in measured.items()))
    assert {what: s for what, s in measured.items() if s > PROMISED_SECONDS} == {}
    closely: dict[str, Any] = (await stand.http.get("/health/detailed")).json()
    assert closely["checks"]["nats"]["up"]
    assert (closely["status"], closely["database"], closely["nats"]) == ("ok", "up", "up")
