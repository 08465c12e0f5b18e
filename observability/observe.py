"""Shows where Airlock's telemetry arrives: starts what of the stack can run here, and gives it work.

That is an install of its own (Postgres, NATS, orchestration, a host), Prometheus with our rules, Alertmanager
with our routes, and a sink that takes what the Collector, Tempo and Loki would be sent. Runs succeed, fail,
try again, wait and are let through; one unreadable message makes an alert. Then it prints what came where,
and answers of the dashboards' panels. `make observe` runs it; with --keep (OBSERVE_KEEP=1) all of it stays
until Ctrl-C.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
from airlock_client.cli.artifacts import put_workspace
from airlock_client.client import AirlockClient
from airlock_client.local import shipped
from airlock_client.local.folder import DataFolder
from airlock_client.local.parts import run_module
from airlock_client.local.stack import Stack
from airlock_contracts.statuses import NodeStatus, RunStatus, Verdict
from airlock_contracts.subjects import Subjects
from airlock_contracts.views import ApprovalView, RunView
from observed_work import DOCUMENTS, MANIFEST, RUNS, SAMPLE
from panel_answers import ANSWERS, answer
from telemetry_sink import TelemetrySink, telemetry_sink
from watching_servers import Alertmanager, Prometheus, health_address

RUN_SECONDS = 180.0
ALERT_SECONDS = 90.0
WHOLE_SECONDS = 480.0
"""Whatever hangs: all of it ends after that."""
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
        for job in ("orchestration", "agent-host"):
            await prometheus.until(f'up{{job="{job}"}} == 1', seconds=30)
        yield Watched(install, client, prometheus, alertmanager, sink)


async def work(watched: Watched) -> Counter[RunStatus]:
    """Run the main job and many small ones, twice: a counter's first value is no increase."""
    ended: Counter[RunStatus] = Counter()
    for turn in (1, 2):
        say(f"load, {turn} of 2: the main job beside {len(RUNS)} small runs")
        await watched.client.trigger("approval-only", {"question": "May this wait?"})
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_review(watched.client))]
            tasks += [group.create_task(_run(watched.client, name)) for name in RUNS]
        ended.update(task.result().status for task in tasks)
    return ended


async def alert(watched: Watched) -> RunView:
    """Leave a report that nobody can read: a dead letter, an alert, and a run that tells people."""
    say("leaving a report that nobody can read: a dead letter, and so an alert")
    connection = await nats.connect(watched.stack.nats_url())
    try:
        await connection.publish(Subjects().report(0, "stranger"), b"this is no report")
        await connection.flush()
    finally:
        await connection.close()
    async with asyncio.timeout(ALERT_SECONDS):
        while not (runs := (await watched.client.runs(workflow="alert-notification")).items):
            await asyncio.sleep(POLL_SECONDS)
    return await _until(watched.client, runs[0].id, lambda run: run.status.is_final)


async def report(watched: Watched, ended: Counter[RunStatus], told: RunView) -> None:
    """Print what arrived where."""
    sink, prometheus = watched.sink, watched.prometheus
    rows = [("signal", "from", "arrived at", "what")]
    for job in ("orchestration", "agent-host"):
        names = len(await prometheus.query(f'count by (__name__) ({{job="{job}"}})'))
        (series,) = await prometheus.query(f'count({{job="{job}"}})')
        rows.append(("metrics", job, "Prometheus", f"{names} names, {series['value'][1]} series, scraped"))
    for (kind, service), count in sorted(sink.counts.items()):
        what = {
            "metrics": f"{count} exports of {len(sink.metrics.get(service, ()))} metrics",
            "traces": f"{count} spans",
            "logs": f"{count} lines",
        }[kind]
        rows.append((kind, service, "OTLP sink", what))
    traces = sink.traces()
    largest = max(traces.values(), default=0)
    rows.append(("traces", "both", "OTLP sink", f"{len(traces)} traces, the largest of {largest} spans"))
    for one in await watched.alertmanager.ask("/api/v2/alerts"):
        name = f"{one['labels']['alertname']} ({one['labels']['severity']})"
        rows.append(("alerts", "Prometheus", "Alertmanager", name))
    rows.append(("alerts", "Alertmanager", "Airlock", f"run of {told.workflow}: {told.status.value}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"\nruns: {', '.join(f'{count} {status.value}' for status, count in sorted(ended.items()))}")
    for question, uid, title, label in ANSWERS:
        print(f"\n{question} ({uid}: {title})")
        for line in await answer(prometheus, uid, title, label):
            print(f"  {line}")
    print(
        f"\nREST {watched.stack.api_url} (key: {watched.stack.folder.admin_key})"
        f"\nPrometheus {prometheus.url}\nAlertmanager {watched.alertmanager.url}"
    )


async def main(folder: Path, *, keep: bool) -> int:
    """All of it once, in an empty folder that is removed. Exit code 0: every signal arrived."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with asyncio.timeout(WHOLE_SECONDS) as bound, everything(folder) as watched:
            ended = await work(watched)
            told = await alert(watched)
            await report(watched, ended, told)
            if keep:
                bound.reschedule(None)
                ends = asyncio.Event()
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, ends.set)
                say("all of it runs until Ctrl-C")
                await ends.wait()
            arrived = {kind for kind, _ in watched.sink.counts} == {"traces", "logs", "metrics"}
            return 0 if arrived and told.status is RunStatus.SUCCESS else 1
    except asyncio.CancelledError:
        say("ended")
        return 130
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _webhook_key(data: DataFolder, folder: Path) -> Path:
    """A key that may post alerts and nothing else."""
    path = folder / "webhook.key"
    command = ["airlock_orchestration", "keys", "create", "--name", "alerts", "--role", "webhook"]
    database = {"AIRLOCK_DATABASE_URL_FILE": str(data.path / "secrets" / "database-url")}
    await run_module([*command, "--output", str(path)], database)
    return path


async def _review(client: AirlockClient) -> RunView:
    workspace, _ = await put_workspace(client, SAMPLE)
    accepted = await client.trigger("security-review", {"workspace": workspace.model_dump(mode="json")})
    return await _decided(client, accepted.id)


async def _run(client: AirlockClient, name: str) -> RunView:
    return await _decided(client, (await client.trigger(name, {})).id)


async def _decided(client: AirlockClient, run: str) -> RunView:
    """Wait until a run has ended, and let it through its gate."""
    view = await _until(client, run, lambda one: one.status.is_final or _asked(one) is not None)
    if not view.status.is_final and (asked := _asked(view)) is not None:
        await client.decide(asked.id, Verdict.APPROVED, asked.payload_sha256)
        view = await _until(client, run, lambda one: one.status.is_final)
    return view


def _asked(run: RunView) -> ApprovalView | None:
    waiting = [node.approval for node in run.nodes if node.status is NodeStatus.WAITING_APPROVAL]
    return waiting[0] if waiting else None


async def _until(client: AirlockClient, run: str, fits: Callable[[RunView], bool]) -> RunView:
    async with asyncio.timeout(RUN_SECONDS):
        while not fits(view := await client.run(run)):
            await asyncio.sleep(POLL_SECONDS)
    return view


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Show where Airlock's telemetry arrives.")
    parser.add_argument("--keep", action="store_true", help="leave all of it running until Ctrl-C")
    asked = parser.parse_args()
    empty = Path(tempfile.mkdtemp(prefix="airlock-observe-"))
    empty.chmod(0o711)  # Postgres may have an account of its own, and passes through
    sys.exit(asyncio.run(main(empty, keep=asked.keep)))
