"""What a host shows of itself: gauges and counters on /metrics, breakers, and what its agents say by OTLP."""

import asyncio
from collections.abc import Awaitable, Callable

from airlock_contracts.messages import ReportStatus
from docker_proxy import DockerProxy
from fake_orchestration import FakeOrchestration, until
from host_process import HostProcess
from otlp_spans import Sink, otlp_sink
from otlp_told import ToldLine, last_metrics, lines
from prometheus_client.parser import text_string_to_metric_families
from telemetry_page import family, metrics_of

StartHost = Callable[..., Awaitable[HostProcess]]

PYTHON = ["python3", "-I", "-c"]
ECHO = [*PYTHON, "import sys; sys.stdout.write(sys.stdin.read())"]
FOREVER = [*PYTHON, "import time; time.sleep(300)"]
BREAKS = [*PYTHON, "import sys; sys.exit('hunter2-hunter2 no luck')"]
TALKS = [
    *PYTHON,
    "import sys; print('warming up', file=sys.stderr); sys.stdout.write(sys.stdin.read())",
]
WHEN_SOMETHING_GOES_WRONG = {
    "agent_log_lines_total",
    "dead_letters_total",
    "sandbox_errors_total",
    "telemetry_dropped_total",
}
"""Metrics with labels that a host shows once there is something to count."""


class Shown:
    """A host's /metrics."""

    def __init__(self, host: HostProcess) -> None:
        self._host = host

    async def all(self) -> dict[tuple[str, ...], float]:
        """Values by name and the values of labels."""
        await until(lambda: self._host.events("health.listening"))
        address, _, port = self._host.events("health.listening")[0]["address"].rpartition(":")
        reader, writer = await asyncio.open_connection(address, int(port))
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        text = (await reader.read()).decode().partition("\r\n\r\n")[2]
        writer.close()
        await writer.wait_closed()
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def until(self, value: float, *name: str) -> dict[tuple[str, ...], float]:
        """Wait until a metric has this value; answers all of that moment."""
        async with asyncio.timeout(30):
            while (found := await self.all()).get(name) != value:
                await asyncio.sleep(0.05)
        return found


async def test_a_host_shows_its_slots_memory_sandboxes_and_disk(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host(memory_mb="1000")
    shown = Shown(host)
    idle = await shown.until(0, "host_slots_busy")
    assert idle["host_slots",] == 2
    assert idle["docker_up",] == idle["nats_up",] == 1
    assert idle["circuit_breaker_state", "docker"] == idle["circuit_breaker_state", "api"] == 0
    assert idle["host_memory_bytes", "used"] == 0
    assert 0 < idle["disk_free_bytes", "data"] < idle["disk_size_bytes", "data"]
    agent = other_side.register(FOREVER, limits={"memory_mb": 100, "timeout_seconds": 60})
    attempt = await other_side.dispatch(agent)
    await until(lambda: other_side.claims_of(attempt))
    await shown.until(1, "sandbox_start_seconds_count", "cold")
    busy = await shown.until(1, "host_slots_busy")
    assert busy["sandboxes_open",] == 1
    assert busy["host_memory_bytes", "used"] == 100 * 1024 * 1024
    assert busy["host_memory_bytes", "free"] == 900 * 1024 * 1024
    assert busy["sandbox_slot_wait_seconds_count",] == 1
    await other_side.cancel(attempt)
    assert (await other_side.report_of(attempt))[0].status is ReportStatus.CANCELLED
    freed = await shown.until(0, "sandboxes_open")
    assert freed["host_memory_bytes", "used"] == 0
    # What the page of telemetry gives to hosts is shown, if nothing went wrong; the rest is not counted here.
    ours = metrics_of("host")
    assert ours - {family(name) for name, *_ in freed} == WHEN_SOMETHING_GOES_WRONG
    counted = {family(name) for (name, *_), value in freed.items() if value}
    assert counted & (metrics_of("orchestration") - ours) == set()


async def test_what_went_well_is_no_line_at_info_and_what_failed_is_one_and_is_counted(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host(log_level="INFO")
    well = await other_side.dispatch(other_side.register(TALKS))
    await other_side.report_of(well)
    broken = await other_side.dispatch(other_side.register(BREAKS))
    await other_side.report_of(broken)
    await until(lambda: host.events("attempt.finished"))
    run_well, run_broken = (attempt.partition("/")[0] for attempt in (well, broken))
    assert [line["event"] for line in host.events() if line.get("run") == run_well] == []
    told = [line["event"] for line in host.events() if line.get("run") == run_broken]
    assert told == ["agent.stderr", "attempt.finished"]
    assert (await Shown(host).all())["sandbox_errors_total", "exit.nonzero"] == 1


async def test_while_the_engine_is_away_nothing_is_pulled_and_the_host_finds_out_by_itself_when_it_is_back(
    other_side: FakeOrchestration, start_host: StartHost, host_settings: dict[str, str]
) -> None:
    async with DockerProxy() as proxy:
        host_settings["DOCKER_HOST"] = f"unix://{proxy.path}"
        host = await start_host()
        shown = Shown(host)
        agent = other_side.register(ECHO)
        await other_side.report_of(await other_side.dispatch(agent))
        await proxy.cut()
        await shown.until(2, "circuit_breaker_state", "docker")  # nothing was dispatched: it asked by itself
        await shown.until(0, "docker_up")
        handed_back = len(host.events("attempt.handed_back"))
        waiting = [await other_side.dispatch(agent, claim_first=first) for first in (True, False, True)]
        beats = len(other_side.beats)
        await until(lambda: len(other_side.beats) >= beats + 4)  # two seconds of heartbeats, none held up
        assert await other_side.waiting_invocations() == 3
        # What was asked for before is handed back at most once for each slot; nothing after it.
        assert len(host.events("attempt.handed_back")) - handed_back <= 2
        assert [other_side.claims_of(attempt) for attempt in waiting] == [[], [], []]
        assert other_side.beats[-1].busy == 0
        await proxy.open()
        for attempt in waiting:
            report, _ = await other_side.report_of(attempt, seconds=60)
            assert report.status is ReportStatus.SUCCESS
        await shown.until(0, "circuit_breaker_state", "docker")
        await shown.until(1, "docker_up")
        (opened,) = host.events("breaker.opened")
        assert opened["breaker"] == "docker"
        assert len(host.events("breaker.closed")) == 1


async def test_rest_that_does_not_answer_is_left_alone_and_asked_again(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    host = await start_host()
    shown = Shown(host)
    known = other_side.register(ECHO)
    await other_side.report_of(await other_side.dispatch(known))
    other_side.refusals += [503] * 4
    attempt = await other_side.dispatch(other_side.register(ECHO))  # a registration that it must ask for
    await shown.until(2, "circuit_breaker_state", "api")
    again = await other_side.dispatch(known)  # what it knows needs no REST
    assert (await other_side.report_of(again))[0].status is ReportStatus.SUCCESS
    assert (await other_side.report_of(attempt))[0].status is ReportStatus.SUCCESS
    await shown.until(0, "circuit_breaker_state", "api")


async def test_what_an_agent_says_goes_by_otlp_on_its_own_stream_and_metrics_go_too(
    other_side: FakeOrchestration, start_host: StartHost, host_settings: dict[str, str]
) -> None:
    with otlp_sink() as sink:
        host = await start_host(otlp_endpoint=sink.endpoint, otlp_metrics_seconds="1")
        attempt = await other_side.dispatch(other_side.register(TALKS))
        await other_side.report_of(attempt)
        await until(lambda: said(sink))
        assert await host.stop() == 0
        (line,) = said(sink)
    run = attempt.partition("/")[0]
    assert line.body == "warming up"
    assert line.severity == "INFO"
    named = {"run": run, "node": "scan", "attempt": 1, "agent": "test-agent@1.0.0", "stream": "stderr"}
    assert line.attributes.items() >= named.items()
    assert line.attributes["host"] == host_settings["AIRLOCK_HOST_NAME"]
    assert line.trace == "0af7651916cd43dd8448eb211c80319c"
    assert line.resource["service.name"] == "agent-host"
    process = [one for one in lines(sink) if "airlock.stream" not in one.attributes]
    assert {one.body for one in process} >= {"host.starting", "attempt.finished", "process.stopping"}
    assert not {"agent.stderr", "agent.log"} & {one.body for one in process}
    metrics = last_metrics(sink)
    assert metrics["sandbox_start_seconds"].histogram.data_points[0].count == 1
    assert metrics["host_slots"].gauge.data_points[0].as_double == 2


def said(sink: Sink) -> list[ToldLine]:
    """The lines of agents."""
    return [line for line in lines(sink) if line.attributes.get("airlock.stream") == "agent"]


async def test_a_collector_that_hangs_holds_up_neither_an_attempt_nor_the_host_s_end(
    other_side: FakeOrchestration, start_host: StartHost
) -> None:
    over = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    host = await start_host(otlp_endpoint=f"http://127.0.0.1:{port}", otlp_metrics_seconds="1")
    agent = other_side.register(TALKS)
    for _ in range(2):
        assert (await other_side.report_of(await other_side.dispatch(agent)))[
            0
        ].status is ReportStatus.SUCCESS
    began = asyncio.get_running_loop().time()
    assert await host.stop() == 0
    assert asyncio.get_running_loop().time() - began < 15  # three seconds of it are telemetry's last
    over.set()
    server.close()
