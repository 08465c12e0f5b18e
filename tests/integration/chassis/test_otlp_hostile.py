"""A collector that is down, slow or hostile costs nothing but a counter, for each signal."""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from airlock_chassis.breaker import Breaker, BreakerState
from airlock_chassis.telemetry.metrics import telemetry_dropped_total
from airlock_chassis.telemetry.otlp.batches import BATCH_BYTES, QUEUE_BYTES
from airlock_chassis.telemetry.otlp.collector import Collector
from airlock_chassis.telemetry.otlp.connection import MAX_ANSWER_BYTES, BoundedSession
from airlock_chassis.telemetry.otlp.figures import MetricsExport
from airlock_chassis.telemetry.otlp.lines import QUEUE_LINES, LineQueue
from airlock_chassis.telemetry.otlp.spans import QUEUE_SPANS, SpanQueue
from opentelemetry.sdk.trace import TracerProvider

EXPORT_SECONDS = 0.4
FLUSH_SECONDS = 0.4
MANY = 20_000
LINE = {"timestamp": "2026-01-01T00:00:00.000000Z", "level": "info", "event": "x" * 100}

Behaviour = Callable[[socket.socket, threading.Event], None]


def never_answers(link: socket.socket, over: threading.Event) -> None:
    over.wait()


def talks_garbage(link: socket.socket, over: threading.Event) -> None:
    link.sendall(os.urandom(4096).replace(b"\n", b"x"))


def is_unavailable(link: socket.socket, over: threading.Event) -> None:
    link.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 99999\r\nContent-Length: 0\r\n\r\n")


def is_broken(link: socket.socket, over: threading.Event) -> None:
    link.sendall(b"HTTP/1.1 500 Broken\r\nContent-Length: 9999999\r\n\r\nno more than this")
    over.wait()


def sends_elsewhere(link: socket.socket, over: threading.Event) -> None:
    link.sendall(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


def takes_it(link: socket.socket, over: threading.Event) -> None:
    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def resets(link: socket.socket, over: threading.Event) -> None:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drips_its_head(link: socket.socket, over: threading.Event) -> None:
    link.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not over.wait(0.05):
        link.sendall(b"x")


def says_continue_for_ever(link: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        link.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def refuses_with_gigabytes(link: socket.socket, over: threading.Event) -> None:
    link.sendall(b"HTTP/1.1 400 No\r\n\r\n")
    while not over.is_set():
        link.sendall(bytes(1024 * 1024))


HOSTILE: list[Behaviour] = [
    never_answers,
    talks_garbage,
    is_unavailable,
    is_broken,
    sends_elsewhere,
    resets,
    drips_its_head,
    says_continue_for_ever,
    refuses_with_gigabytes,
]


@contextlib.contextmanager
def collector_that(behaves: Behaviour, port: int = 0) -> Iterator[str]:
    """A server that reads the beginning of a request and then does as it likes."""
    over = threading.Event()

    def serve(link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            link.recv(65536)
            behaves(link, over)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", port)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def at(endpoint: str) -> Collector:
    return Collector.at(
        endpoint, service="x", version="1", export_seconds=EXPORT_SECONDS, flush_seconds=FLUSH_SECONDS
    )


def dropped(signal: str) -> float:
    return float(telemetry_dropped_total.labels(signal)._value.get())


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Signals:
    """All three signals of a process, to one collector."""

    def __init__(self, endpoint: str) -> None:
        self.collector = at(endpoint)
        self._spans = SpanQueue(self.collector)
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(self._spans)
        self._tracer = self._provider.get_tracer("test")
        self._lines = LineQueue(self.collector)
        self._metrics = MetricsExport(self.collector, every_seconds=0.1)

    def say(self) -> None:
        """One span, one line."""
        self._tracer.start_span("x").end()
        self._lines.put(LINE, 200)

    def close(self) -> None:
        ends = [threading.Thread(target=end) for end in (self._provider.shutdown, self._lines.close)]
        for end in ends:
            end.start()
        self._metrics.close()
        for end in ends:
            end.join()


@pytest.mark.parametrize("behaves", HOSTILE, ids=lambda behaves: behaves.__name__)
async def test_a_hostile_collector_costs_nothing_but_a_counter(behaves: Behaviour) -> None:
    signals = ("traces", "logs", "metrics")
    before = {signal: dropped(signal) for signal in signals}
    with collector_that(behaves) as endpoint:
        process = await asyncio.to_thread(Signals, endpoint)
        memory = resident_bytes()
        held_up = 0
        for n in range(MANY):
            began = time.monotonic()
            process.say()
            held_up += time.monotonic() - began > EXPORT_SECONDS / 2
            if n % 500 == 0:
                await asyncio.sleep(0)
        grown = resident_bytes() - memory
        async with asyncio.timeout(10):
            while process.collector.breaker.state is BreakerState.CLOSED:
                await asyncio.sleep(0.01)
        began = time.monotonic()
        await asyncio.to_thread(process.close)
        closing = time.monotonic() - began
    lost = {signal: dropped(signal) - before[signal] for signal in signals}
    assert lost["traces"] == lost["logs"] == MANY  # nothing is lost without being counted, nothing twice
    assert lost["metrics"] >= 1
    assert held_up < (MANY - QUEUE_SPANS) / 512 / 2  # who says something waits for no export; a machine may
    assert closing < FLUSH_SECONDS + 3
    assert grown < 64 * 1024 * 1024


def test_a_collector_that_is_not_there_is_one_line_in_the_log_and_not_one_for_each_export(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        process = Signals(f"http://127.0.0.1:{taken.getsockname()[1]}")
        for _ in range(MANY):
            process.say()
        while process.collector.breaker.closed:
            time.sleep(0.01)
        process.close()
    ours = [record for record in caplog.records if record.name.startswith("airlock")]
    assert len(ours) == 1
    assert "breaker.opened" in ours[0].getMessage()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    more = "-keyout key -out cert -subj /CN=collector -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), *more.split()], cwd=folder, check=True, capture_output=True)
    whole = folder / "whole"
    whole.write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return whole


@contextlib.contextmanager
def over_tls(endpoint: str, certificate: Path) -> Iterator[str]:
    """The same server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    host, port = endpoint.removeprefix("http://").split(":")

    def carry(inside: ssl.SSLSocket) -> None:
        with contextlib.suppress(OSError), inside, socket.create_connection((host, int(port))) as there:
            inside.do_handshake()
            request = b""
            while not request.endswith(b"\r\n\r\nx"):  # what is left unread would be a reset
                piece = inside.recv(65536)
                if not piece:
                    return
                request += piece
            there.sendall(request)
            while data := there.recv(65536):
                inside.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                wrapped = context.wrap_socket(
                    listener.accept()[0], server_side=True, do_handshake_on_connect=False
                )
                threading.Thread(target=carry, args=(wrapped,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def test_behind_tls_its_certificate_must_be_known_and_its_time_is_bounded_too(certificate: Path) -> None:
    with (
        collector_that(takes_it) as plain,
        over_tls(plain, certificate) as endpoint,
        BoundedSession() as session,
    ):
        assert session.post(endpoint, data=b"x", verify=str(certificate), timeout=5).status_code == 200
        with pytest.raises(requests.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            session.post(endpoint, data=b"x", timeout=5)
    with collector_that(drips_its_head) as plain, over_tls(plain, certificate) as endpoint:
        began = time.monotonic()
        with BoundedSession() as session, pytest.raises(requests.ConnectionError):
            session.post(endpoint, data=b"x", verify=str(certificate), timeout=0.4)
        assert time.monotonic() - began < 5


def takes_it_with_gigabytes(link: socket.socket, over: threading.Event) -> None:
    link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.is_set():
        link.sendall(bytes(1024 * 1024))


def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    with collector_that(takes_it_with_gigabytes) as endpoint, BoundedSession() as session:
        answer = session.post(endpoint, data=b"spans", timeout=5)
    assert answer.status_code == 200
    assert len(answer.content) == len(session.adapter.answer) == MAX_ANSWER_BYTES


def test_what_waits_is_bounded_by_number_and_by_size() -> None:
    assert QUEUE_LINES * 200 < QUEUE_BYTES
    with collector_that(never_answers) as endpoint:
        process = Signals(endpoint)
        before = dropped("logs")
        for _ in range(100):
            process._lines.put(LINE, QUEUE_BYTES // 10)
        assert dropped("logs") - before >= 100 - 10 - 10  # ten wait, and at most ten are under way
        before = dropped("traces")
        for _ in range(3 * QUEUE_SPANS):
            process._tracer.start_span("x").end()
        assert dropped("traces") - before >= QUEUE_SPANS
        process.close()
    with collector_that(never_answers) as endpoint:
        process = Signals(endpoint)
        before = dropped("traces")
        for _ in range(1000):  # spans of 20 KB: fewer than may wait, were they light
            process._tracer.start_span("x", attributes={f"k{n}": 1250 * "x" for n in range(16)}).end()
        assert dropped("traces") - before >= 1000 - (QUEUE_BYTES + 10 * BATCH_BYTES) // 20_000
        process.close()


def test_a_collector_that_comes_back_is_sent_to_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        breaker = Breaker("otlp", rest_seconds=0.2)
        collector = replace(at(f"http://127.0.0.1:{port}"), breaker=breaker)
        lines = LineQueue(collector)
        while breaker.closed:
            lines.put(LINE, 10)
            time.sleep(0.01)
        assert breaker.state is BreakerState.OPEN
    with collector_that(takes_it, port):
        while not breaker.closed:
            lines.put(LINE, 10)
            time.sleep(0.05)
        lines.close()
