"""What two replicas show on /metrics after runs of every kind: each metric has the value it must have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from airlock_client.embedded import EmbeddedNats
from airlock_contracts.callers import COMMAND_LINE
from airlock_orchestration.operations.keys import create_key
from airlock_orchestration.store.database import Database
from airlock_orchestration.store.sessions import Sessions
from nats_host import NatsHost, nats_host
from orchestration_process import orchestration_process
from played_host import echo_agent
from prometheus_client.parser import text_string_to_metric_families
from telemetry_page import family, metrics_of

CREATES = 12
"""As many requests of class create as the limit allows in a minute."""
REFUSED = 3

ELSEWHERE = {
    "agent_log_lines_total",
    "airlock_info",
    "circuit_breaker_state",
    "event_loop_lag_seconds",
    "telemetry_dropped_total",
}
"""What needs more than runs to be counted: it has tests of its own."""

Page = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""The samples of one replica, by name and labels."""


def workflow(name: str, node: str, *, agent: str = "echo", **more: Any) -> dict[str, Any]:
    tags = {"tags": more.pop("tags")} if "tags" in more else {}
    one = {"id": node, "agent": agent, "action": "say", "inputs": {"text": "x"}, **more}
    return {"name": name, "nodes": [one], **tags}


WORKFLOWS = [
    workflow("good", "works", tags=["red", "blue"]),
    workflow("bad", "lies"),
    workflow("shaky", "fails", retry={"max_attempts": 2, "base_delay": "10ms", "jitter": "none"}),
    workflow("silent", "held"),
    workflow("asking", "gate", approval={"expires_in": "1h"}),
    workflow("hasty", "gate", approval={"expires_in": "1s"}),
    workflow("queued", "waits", agent="idler"),
]


@dataclass
class Stand:
    """Two replicas, who asks them, and the host that plays."""

    replicas: list[httpx2.AsyncClient]
    host: NatsHost
    postgres: asyncpg.Connection
    turn: int = 0

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask one replica, then the other."""
        self.turn += 1
        answer = await self.replicas[self.turn % 2].request(method, path, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def trigger(self, name: str, headers: dict[str, str] | None = None) -> str:
        path = f"/api/workflows/{name}/trigger"
        return str((await self.ask("POST", path, json={}, headers=headers))["id"])

    async def until(self, run: str, status: str) -> None:
        """Until the run stands so: a fact, looked at again and again."""
        async with asyncio.timeout(60):
            while (await self.ask("GET", f"/api/runs/{run}"))["status"] != status:
                await asyncio.sleep(0.05)

    async def asked(self, name: str) -> tuple[str, dict[str, Any]]:
        """A run that waits at its gate, and its approval."""
        run = await self.trigger(name)
        await self.until(run, "WAITING_APPROVAL")
        (approval,) = (await self.ask("GET", f"/api/approvals?run={run}"))["items"]
        return run, approval

    async def decide(self, approval: dict[str, Any], decision: str) -> None:
        said = {"decision": decision, "payload_sha256": approval["payload_sha256"]}
        await self.ask("POST", f"/api/approvals/{approval['id']}/decision", json=said)


@asynccontextmanager
async def standing(folder: Path, database: str, nats: str, prefix: str) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as stack:
        async with Database(database) as connected:
            key = (await create_key(Sessions(connected), "tester")).text
        clients = []
        for number in range(2):
            process = orchestration_process(
                folder / str(number), database, nats, subject_prefix=prefix, rate_create=str(CREATES)
            )
            replica = await stack.enter_async_context(process)
            http = httpx2.AsyncClient(
                base_url=replica.url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
            )
            clients.append(await stack.enter_async_context(http))
        host = await stack.enter_async_context(nats_host(nats, prefix))
        postgres = await asyncpg.connect(database)
        stack.push_async_callback(postgres.close)
        yield Stand(clients, host, postgres)


async def live(stand: Stand) -> None:
    """Runs that succeed, fail, retry, wait, are decided about, expire, are cancelled, and lose their host."""
    await _two_hosts_beat(stand)
    await stand.host.beat("host-3", "idle", slots=8, busy=0)
    await stand.postgres.execute(
        "UPDATE hosts SET seen_at = seen_at - interval '2 minutes' WHERE name = 'host-3'"
    )
    for name, pool in (("echo", "default"), ("idler", "idle")):
        await stand.ask("POST", "/api/agents", json=echo_agent(name, pool))
    for one in WORKFLOWS:
        await stand.ask("POST", "/api/workflows", json=one)
    typed = await stand.trigger("good", {"User-Agent": COMMAND_LINE})
    await stand.until(typed, "SUCCESS")
    for name, status in (("good", "SUCCESS"), ("shaky", "SUCCESS"), ("bad", "FAILED")):
        await stand.until(run := await stand.trigger(name), status)
    await stand.until(str((await stand.ask("POST", f"/api/runs/{run}/retry"))["id"]), "FAILED")
    await _lose_a_host(stand)
    run, approval = await stand.asked("asking")
    await stand.decide(approval, "APPROVED")
    await stand.until(run, "SUCCESS")
    run, approval = await stand.asked("asking")
    await stand.decide(approval, "REJECTED")
    await stand.until(run, "FAILED")
    run, _ = await stand.asked("asking")
    await stand.ask("POST", f"/api/runs/{run}/cancel")
    await stand.until(run, "CANCELLED")
    await stand.until(await stand.trigger("hasty"), "FAILED")  # nobody decides in time
    await stand.asked("asking")  # and waits
    await stand.until(run := await stand.trigger("queued"), "RUNNING")  # and stays in its pool's queue
    await stand.host.mumble(f"{run}/waits/1")
    for replica in stand.replicas:
        for _ in range(2):
            assert (await replica.get("/api/hosts")).status_code == 200
    await _exceed(stand)


async def _two_hosts_beat(stand: Stand) -> None:
    await stand.host.beat("host-1", "default", slots=4, busy=1)
    await stand.host.beat("host-2", "default", slots=2, busy=2, draining=True)


async def _lose_a_host(stand: Stand) -> None:
    run = await stand.trigger("silent")
    lapse = "UPDATE attempts SET lease_until = clock_timestamp() - interval '11 s' WHERE run_id = $1::uuid"
    async with asyncio.timeout(30):
        while await stand.postgres.execute(f"{lapse} AND status = 'RUNNING'", run) != "UPDATE 1":
            await asyncio.sleep(0.05)
    await stand.until(run, "SUCCESS")


async def _exceed(stand: Stand) -> None:
    """Ask for more than may be created in a minute: what is invalid counts too."""
    refused = 0
    async with asyncio.timeout(30):
        while refused < REFUSED:
            refused += (await stand.replicas[0].post("/api/workflows", json={})).status_code == 429


async def shown(stand: Stand) -> list[Page]:
    """The samples of each replica."""
    pages = [(await replica.get("/metrics")).text for replica in stand.replicas]
    return [
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }
        for page in pages
    ]


def _has_been_read(page: Page) -> bool:
    """Whether the gauges were read since everything stands as it shall."""
    stands = [
        ("workflows_active", {"status": "WAITING_APPROVAL"}, 1),
        ("workflows_active", {"status": "RUNNING"}, 1),
        ("queue_depth", {"pool": "idle"}, 1),
        ("queue_depth", {"pool": "default"}, 0),
        ("dead_letters_waiting", {}, 1),
        ("hosts", {"pool": "default", "status": "up"}, 1),
        ("hosts", {"pool": "default", "status": "draining"}, 1),
    ]
    return all(page.get((name, frozenset(labels.items()))) == value for name, labels, value in stands)


async def drive(*parts: Any) -> list[Page]:
    async with standing(*parts) as stand:
        await live(stand)
        async with asyncio.timeout(60):
            while True:
                await _two_hosts_beat(stand)  # else they are gone after a minute
                pages = await shown(stand)
                if all(_has_been_read(page) for page in pages):
                    return pages
                await asyncio.sleep(0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the replicas."""
    return tmp_path_factory.mktemp("replicas")


@pytest.fixture(scope="module")
def pages(
    folder: Path,
    postgres_server: Any,
    databases: Any,
    migrated_template: str,
    nats_server: EmbeddedNats,
) -> Iterator[list[Page]]:
    """What both replicas show in the end: one story, many tests."""
    name = databases.make(template=migrated_template)
    yield asyncio.run(drive(folder, postgres_server.url(name), nats_server.url(), f"t{name[1:13]}"))
    databases.drop(name)


# What was counted at commits and requests, over both replicas. An attempt costs 2 s of a sandbox and 0.5 s of
# processor time. `echo` ran: good 2, shaky 2, bad 1, its retry 1, silent 1 (and 1 lost), asking 1.
COUNTED: list[tuple[str, dict[str, str], float]] = [
    ("workflow_runs_total", {"workflow": "good", "status": "STARTED", "trigger": "api"}, 1),
    ("workflow_runs_total", {"workflow": "good", "status": "SUCCESS", "trigger": "api"}, 1),
    ("workflow_runs_total", {"workflow": "good", "status": "SUCCESS", "trigger": "cli"}, 1),
    ("workflow_runs_total", {"workflow": "bad", "status": "FAILED", "trigger": "api"}, 1),
    ("workflow_runs_total", {"workflow": "bad", "status": "STARTED", "trigger": "retry"}, 1),
    ("workflow_runs_total", {"workflow": "bad", "status": "FAILED", "trigger": "retry"}, 1),
    ("workflow_runs_total", {"workflow": "asking", "status": "CANCELLED", "trigger": "api"}, 1),
    ("workflow_runs_total", {"workflow": "asking", "status": "STARTED", "trigger": "api"}, 4),
    ("workflow_duration_seconds_count", {"workflow": "asking", "status": "SUCCESS"}, 1),
    ("workflow_working_seconds_count", {"workflow": "hasty", "status": "FAILED"}, 1),
    ("workflow_working_seconds_sum", {"workflow": "hasty", "status": "FAILED"}, 0),
    ("workflow_approval_wait_seconds_count", {"workflow": "asking", "status": "APPROVED"}, 1),
    ("workflow_approval_wait_seconds_count", {"workflow": "asking", "status": "REJECTED"}, 1),
    ("workflow_approval_wait_seconds_count", {"workflow": "asking", "status": "WITHDRAWN"}, 1),
    ("workflow_approval_wait_seconds_count", {"workflow": "hasty", "status": "EXPIRED"}, 1),
    ("workflow_resumption_seconds_count", {"workflow": "asking"}, 1),
    ("workflow_container_seconds_total", {"workflow": "good", "tag": ""}, 4),
    ("workflow_container_seconds_total", {"workflow": "good", "tag": "red"}, 4),
    ("workflow_container_seconds_total", {"workflow": "good", "tag": "blue"}, 4),
    ("workflow_container_seconds_total", {"workflow": "shaky", "tag": ""}, 4),
    ("workflow_container_seconds_total", {"workflow": "silent", "tag": ""}, 2),
    ("workflow_cpu_seconds_total", {"workflow": "bad", "tag": ""}, 1),
    ("agent_runs_total", {"agent": "echo", "action": "say", "status": "SUCCESS"}, 5),
    ("agent_runs_total", {"agent": "echo", "action": "say", "status": "FAILED"}, 3),
    ("agent_runs_total", {"agent": "echo", "action": "say", "status": "LOST"}, 1),
    ("agent_duration_seconds_count", {"agent": "echo", "action": "say"}, 8),
    ("attempt_wait_seconds_count", {"pool": "default"}, 9),
    ("agent_errors_total", {"agent": "echo", "kind": "agent", "code": "tool.broke"}, 1),
    ("agent_errors_total", {"agent": "echo", "kind": "contract", "code": "output.schema_mismatch"}, 2),
    ("agent_retries_total", {"agent": "echo"}, 2),
    ("agent_container_seconds_total", {"agent": "echo"}, 16),
    ("sandbox_cpu_seconds_total", {"agent": "echo"}, 4),
    ("sandbox_peak_memory_bytes_sum", {"agent": "echo"}, 8 * 2**25),
    ("attempts_total", {"status": "DISPATCHED"}, 10),
    ("attempts_total", {"status": "RUNNING"}, 2),
    ("leases_lost_total", {}, 1),
    ("http_requests_total", {"route": "/api/hosts", "method": "GET", "status": "200"}, 4),
    ("http_request_duration_seconds_count", {"route": "/api/hosts", "method": "GET"}, 4),
    ("rate_limited_total", {"class": "create"}, REFUSED),
]

# What each replica reads for itself, and what is the same for both.
READ: list[tuple[str, dict[str, str], float]] = [
    ("workflows_active", {"status": "PENDING"}, 0),
    ("workflows_active", {"status": "RUNNING"}, 1),
    ("workflows_active", {"status": "WAITING_APPROVAL"}, 1),
    ("workflows_active", {"status": "CANCELLING"}, 0),
    ("approvals_pending", {}, 1),
    ("queue_depth", {"pool": "idle"}, 1),
    ("queue_depth", {"pool": "default"}, 0),
    ("queue_oldest_seconds", {"pool": "default"}, 0),
    ("hosts", {"pool": "default", "status": "up"}, 1),
    ("hosts", {"pool": "default", "status": "draining"}, 1),
    ("hosts", {"pool": "default", "status": "gone"}, 0),
    ("hosts", {"pool": "idle", "status": "up"}, 0),
    ("hosts", {"pool": "idle", "status": "gone"}, 1),
    ("slots", {"pool": "default", "state": "free"}, 3),
    ("slots", {"pool": "default", "state": "busy"}, 1),
    ("slots", {"pool": "idle", "state": "free"}, 0),
    ("dead_letters_waiting", {}, 1),
    ("wakeup_certificate_violations", {}, 0),
    ("database_up", {}, 1),
    ("nats_up", {}, 1),
    ("database_connections", {"pool": "followers", "state": "used"}, 0),
    ("database_connections", {"pool": "followers", "state": "free"}, 4),
    ("database_connections", {"pool": "recognising", "state": "free"}, 1),
    ("database_connections", {"pool": "counting", "state": "free"}, 1),
]

# What is there, with a figure that depends on the machine.
SOME = [
    ("approvals_oldest_seconds", {}),
    ("queue_oldest_seconds", {"pool": "idle"}),
    ("database_size_bytes", {}),
    ("database_connections", {"pool": "path", "state": "free"}),
    ("database_connections", {"pool": "sessions", "state": "free"}),
    ("commits_total", {}),
    ("signals_per_commit_count", {}),
    ("commit_seconds_count", {}),
]


@pytest.mark.parametrize(("name", "labels", "value"), COUNTED)
def test_what_is_counted_is_counted_once_over_all_replicas(
    name: str, labels: dict[str, str], value: float, pages: list[Page]
) -> None:
    assert sum(page.get((name, frozenset(labels.items())), 0.0) for page in pages) == pytest.approx(value)


@pytest.mark.parametrize(("name", "labels", "value"), READ)
def test_what_is_read_is_the_same_on_every_replica(
    name: str, labels: dict[str, str], value: float, pages: list[Page]
) -> None:
    assert [page.get((name, frozenset(labels.items()))) for page in pages] == [value, value]


@pytest.mark.parametrize(("name", "labels"), SOME)
def test_what_depends_on_the_machine_is_there(name: str, labels: dict[str, str], pages: list[Page]) -> None:
    assert all(page[name, frozenset(labels.items())] > 0 for page in pages)


def test_nothing_is_long_overdue_to_be_sent_again(pages: list[Page]) -> None:
    assert all(0 <= page["outbox_lag_seconds", frozenset()] < 10 for page in pages)


def test_a_letter_that_nobody_could_read_is_counted_where_it_was_put(pages: list[Page]) -> None:
    dead = [value for page in pages for (name, _), value in page.items() if name == "dead_letters_total"]
    assert sum(dead) == 1


def test_a_report_that_nobody_could_read_is_logged_with_the_attempt_that_it_names(
    pages: list[Page], folder: Path
) -> None:
    lines = [json.loads(line) for log in folder.glob("*/log") for line in log.read_text().splitlines()]
    (letter,) = (line for line in lines if line["event"] == "message.dead_lettered")
    assert (letter["node"], letter["attempt"], letter["host"]) == ("waits", 1, "host-1")
    assert letter["run"] in {line["run"] for line in lines if line["event"] == "run.started"}


def test_what_the_page_gives_to_hosts_alone_is_not_counted_here(pages: list[Page]) -> None:
    theirs = metrics_of("host") - metrics_of("orchestration")
    counted = {family(name) for page in pages for (name, _), value in page.items() if value}
    assert theirs
    assert theirs & counted == set()


def test_every_metric_that_the_page_gives_to_the_service_is_looked_at_here() -> None:
    ours = metrics_of("orchestration")
    tested = {name for name, _, _ in COUNTED + READ} | {name for name, _ in SOME}
    tested |= {"outbox_lag_seconds", "dead_letters_total"}
    assert ours == (ours & {family(name) for name in tested}) | ELSEWHERE
