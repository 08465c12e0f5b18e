"""Shows where Airlock's telemetry arrives: starts what of the stack can run here, and gives it work.

That is an install of its own (Postgres, NATS, orchestration, a host), Prometheus with our rules, Alertmanager
with our routes, and a sink that takes what the Collector, Tempo and Loki would be sent. Runs succeed, fail,
try again, wait and are let through; one unreadable message makes an alert. Then it prints what came where,
and what panels and commands answer to the questions that they are for. What is missing of that it says, and
ends with exit code 1. `make observe` runs it; with --keep (OBSERVE_KEEP=1) all of it stays until Ctrl-C.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
from airlock_client.cli.artifacts import put_workspace
from airlock_client.client import AirlockClient
from airlock_client.embedded.errors import MissingBinary, ServerFailed
from airlock_client.errors import ClientError
from airlock_client.local import shipped
from airlock_client.local.folder import DataFolder
from airlock_client.local.parts import run_module
from airlock_client.local.stack import Stack
from airlock_contracts.statuses import NodeStatus, RunStatus, Verdict
from airlock_contracts.subjects import Subjects
from airlock_contracts.views import ApprovalView, RunView
from arrivals import PROCESSES, Arrivals, missing, told
from observed_work import BAD, DOCUMENTS, MAIN_JOB, MANIFEST, RUNS, SAMPLE, TELLS, WAITS
from panel_answers import Asked, answers
from telemetry_sink import TelemetrySink, telemetry_sink
from watching_servers import Alertmanager, NoAnswer, Prometheus, health_address

RUN_SECONDS = 90.0
ALERT_SECONDS = 90.0
ARRIVAL_SECONDS = 45.0
"""Some figures are read every 15 s, and lines and figures are sent every few."""
WHOLE_SECONDS = 480.0
"""Whatever hangs: all of it ends after that."""
MOST_RUNS = 200
POLL_SECONDS = 0.3
METRICS_SECONDS = "5"


class Observed(Stack):
    """An install whose NATS somebody else may write to."""

    def nats_url(self) -> str:
        """As the orchestration service."""
        return self._nats.url("orchestration")


@dataclass(frozen=True, slots=True)
class Watched:
    """Everything, running."""

    stack: Observed
    client: AirlockClient
    prometheus: Prometheus
    alertmanager: Alertmanager
    sink: TelemetrySink


def say(text: str) -> None:
    """Tell whoever waits."""
    print(f"observe: {text}", file=sys.stderr, flush=True)


@asynccontextmanager
async def everything(folder: Path) -> AsyncIterator[Watched]:
    """Start all of it in a folder; ends all of it."""
    images = await shipped.build_images(say)
    data = DataFolder(folder / "install")
    async with AsyncExitStack() as stack:
        sink = stack.enter_context(telemetry_sink())
        os.environ |= {
            "AIRLOCK_OTLP_ENDPOINT": sink.endpoint,
            "AIRLOCK_OTLP_METRICS_SECONDS": METRICS_SECONDS,
            "AIRLOCK_TRACE_RATIO": "1",
            "AIRLOCK_TRACES_PER_SECOND": "1000",  # that is, of every run
        }
        install = await stack.enter_async_context(Observed(data, port=0, say=say))
        key = data.admin_key.read_text("utf-8").strip()
        client = await stack.enter_async_context(AirlockClient(install.api_url, key))
        await shipped.register(client, data.path, images, lambda _: None)
        await client.register_agent(json.dumps(MANIFEST).encode())
        for document in DOCUMENTS:
            await client.apply_workflow(json.dumps(document).encode())
        say("starting Prometheus and Alertmanager")
        alertmanager = await stack.enter_async_context(
            Alertmanager(
                folder / "alertmanager",
                receiver=f"{install.api_url}/api/webhooks/alertmanager",
                key_file=await _webhook_key(data, folder),
            )
        )
        targets = {
            "orchestration": install.api_url.removeprefix("http://"),
            "agent_host": health_address(data.log("agent-host")),
            "alertmanager": alertmanager.address,
        }
        prometheus = await stack.enter_async_context(Prometheus(folder / "prometheus", targets))
        for job in PROCESSES:
            await prometheus.until(f'up{{job="{job}"}} == 1', seconds=30)
        yield Watched(install, client, prometheus, alertmanager, sink)


async def work(watched: Watched) -> None:
    """Run the main job and many small ones, twice: a counter's first value is no increase."""
    for turn in (1, 2):
        say(f"load, {turn} of 2: the main job beside {len(RUNS)} small runs")
        await watched.client.trigger(WAITS, {"question": "May this wait?"})
        async with asyncio.TaskGroup() as group:
            group.create_task(_review(watched.client))
            for name in RUNS:
                group.create_task(_run(watched.client, name))


async def alert(watched: Watched) -> None:
    """Leave a report that nobody can read: a dead letter, an alert, and a run that tells people."""
    say("leaving a report that nobody can read: a dead letter, and so an alert")
    connection = await nats.connect(watched.stack.nats_url())
    try:
        await connection.publish(Subjects().report(0, "stranger"), b"this is no report")
        await connection.flush()
    finally:
        await connection.close()
    deadline = time.monotonic() + ALERT_SECONDS
    while time.monotonic() < deadline:
        if runs := (await watched.client.runs(workflow=TELLS)).items:
            await _until(watched.client, runs[0].id, lambda run: run.status.is_final)
            return
        await asyncio.sleep(POLL_SECONDS)


async def arrived(watched: Watched) -> Arrivals:
    """Look until nothing is missing, or for as long as it may take."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while missing(seen := await _look(watched)) and time.monotonic() < deadline:
        await asyncio.sleep(1)
    return seen


async def main(folder: Path, *, keep: bool) -> int:
    """All of it once, in an empty folder that is removed. Exit code 0: nothing is missing."""
    code = 1
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with asyncio.timeout(WHOLE_SECONDS) as bound, everything(folder) as watched:
            await work(watched)
            await alert(watched)
            seen = await arrived(watched)
            for line in told(seen):
                print(line)
            print(
                f"\nREST {watched.stack.api_url} (key: {watched.stack.folder.admin_key})"
                f"\nPrometheus {watched.prometheus.url}\nAlertmanager {watched.alertmanager.url}",
                flush=True,
            )
            lacking = missing(seen)
            for one in lacking:
                say(f"missing: {one}")
            if keep:
                bound.reschedule(None)
                ends = asyncio.Event()
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, ends.set)
                say("all of it runs until Ctrl-C")
                await ends.wait()
            code = 1 if lacking else 0
    except* (NoAnswer, ClientError, ServerFailed, MissingBinary) as problems:
        for problem in problems.exceptions:
            say(f"missing: {problem}")
    except* TimeoutError:
        say(f"missing: an end within {WHOLE_SECONDS:g} s")
    except* asyncio.CancelledError:
        say("ended")
        code = 130
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return code


async def _look(watched: Watched) -> Arrivals:
    sink, prometheus, client = watched.sink, watched.prometheus, watched.client
    scraped = {}
    for process in PROCESSES:
        metrics = await prometheus.query(f'count by (__name__) ({{job="{process}"}})')
        scraped[process] = (len(metrics), sum(int(one["value"][1]) for one in metrics))
    runs = (await client.runs(limit=MOST_RUNS)).items
    failed = next((one.id for one in runs if (one.workflow, one.status) == (BAD, RunStatus.FAILED)), "")
    environment = {
        "AIRLOCK_URL": watched.stack.api_url,
        "AIRLOCK_KEY_FILE": str(watched.stack.folder.admin_key),
    }
    return Arrivals(
        scraped=scraped,
        sent=dict(sink.counts),
        exported={service: len(names) for service, names in sink.metrics.items()},
        traces=sink.traces(),
        alerts=tuple(
            (one["labels"]["alertname"], one["labels"]["severity"])
            for one in await watched.alertmanager.ask("/api/v2/alerts")
        ),
        runs=Counter((one.workflow, one.status) for one in runs),
        answers=await answers(Asked(prometheus, sink, failed, environment)),
    )


async def _webhook_key(data: DataFolder, folder: Path) -> Path:
    """A key that may post alerts and nothing else."""
    path = folder / "webhook.key"
    command = ["airlock_orchestration", "keys", "create", "--name", "alerts", "--role", "webhook"]
    database = {"AIRLOCK_DATABASE_URL_FILE": str(data.path / "secrets" / "database-url")}
    await run_module([*command, "--output", str(path)], database)
    return path


async def _review(client: AirlockClient) -> None:
    workspace, _ = await put_workspace(client, SAMPLE)
    accepted = await client.trigger(MAIN_JOB, {"workspace": workspace.model_dump(mode="json")})
    await _decided(client, accepted.id)


async def _run(client: AirlockClient, name: str) -> None:
    await _decided(client, (await client.trigger(name, {})).id)


async def _decided(client: AirlockClient, run: str) -> None:
    """Wait until a run has ended, and let it through its gate."""
    view = await _until(client, run, lambda one: one.status.is_final or _asked(one) is not None)
    if not view.status.is_final and (asked := _asked(view)) is not None:
        await client.decide(asked.id, Verdict.APPROVED, asked.payload_sha256)
        await _until(client, run, lambda one: one.status.is_final)


def _asked(run: RunView) -> ApprovalView | None:
    waiting = [node.approval for node in run.nodes if node.status is NodeStatus.WAITING_APPROVAL]
    return waiting[0] if waiting else None


async def _until(client: AirlockClient, run: str, fits: Callable[[RunView], bool]) -> RunView:
    """The run once it fits, or as it is when it should: in the end all runs are held against the plan."""
    deadline = time.monotonic() + RUN_SECONDS
    while not fits(view := await client.run(run)) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
    return view


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Show where Airlock's telemetry arrives.")
    parser.add_argument("--keep", action="store_true", help="leave all of it running until Ctrl-C")
    asked = parser.parse_args()
    empty = Path(tempfile.mkdtemp(prefix="airlock-observe-"))
    empty.chmod(0o711)  # Postgres may have an account of its own, and passes through
    sys.exit(asyncio.run(main(empty, keep=asked.keep)))
