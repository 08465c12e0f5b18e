"""A collector's name may have several addresses: the next is tried, and all have one request's time."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests
from airlock_chassis.telemetry.otlp.connection import BoundedSession
from otlp_spans import otlp_sink

NAME = "collector.example.com"


def called(monkeypatch: pytest.MonkeyPatch, *ports: int) -> str:
    """The address of a collector whose name means these ports of this machine, one after the other."""

    def looked_up(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return f"http://{NAME}:4318/v1/traces"


@contextmanager
def nobody_accepts() -> Iterator[int]:
    """A port whose queue is full: who connects waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as callers:
        for _ in range(4):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def refusing() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_an_address_that_refuses_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with otlp_sink() as sink, BoundedSession() as session:
        endpoint = called(monkeypatch, refusing(), int(sink.endpoint.rpartition(":")[2]))
        assert session.post(endpoint, data=b"", timeout=5).status_code == 200
        assert not session.failed


def test_an_address_that_does_not_answer_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody_accepts() as port, otlp_sink() as sink, BoundedSession() as session:
        endpoint = called(monkeypatch, port, port, int(sink.endpoint.rpartition(":")[2]))
        assert session.post(endpoint, data=b"", timeout=3).status_code == 200
        assert not session.failed


def test_who_took_the_connection_has_all_of_the_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, BoundedSession() as session:
        endpoint = called(monkeypatch, *[silent.getsockname()[1]] * 20)
        began = time.monotonic()
        with pytest.raises(requests.ConnectionError):
            session.post(endpoint, data=b"", timeout=1)
        assert time.monotonic() - began > 0.9


def test_addresses_that_do_not_answer_have_one_time_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody_accepts() as port, BoundedSession() as session:
        endpoint = called(monkeypatch, *[port] * 20)
        began = time.monotonic()
        with pytest.raises(requests.ConnectionError):
            session.post(endpoint, data=b"", timeout=0.3)
        assert 0.25 < time.monotonic() - began < 3
        assert session.failed


def test_a_name_without_an_address_is_a_failure_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with BoundedSession() as session, pytest.raises(requests.ConnectionError, match=NAME):
        session.post(called(monkeypatch), data=b"", timeout=0.3)
