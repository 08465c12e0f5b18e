"""The health port of a process without a web framework."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from airlock_chassis.fatal import Fatal
from airlock_chassis.health import Health
from airlock_chassis.health_server import MAX_REQUEST_BYTES, HealthServer


@pytest.fixture
async def health() -> AsyncIterator[tuple[Health, HealthServer]]:
    """An open health port on any free one."""
    checks = Health("agent-host", "1.2.3")
    server = HealthServer(checks)
    await server.open()
    yield checks, server
    await server.close()


async def ask(port: int, request: bytes) -> tuple[int, bytes]:
    """Send bytes; answers status and body, or 0 where the server only closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            answer = await reader.read()
    except ConnectionError:
        answer = b""
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


async def get(port: int, path: str) -> tuple[int, bytes]:
    return await ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


async def test_health_ready_and_metrics_are_answered(health: tuple[Health, HealthServer]) -> None:
    checks, server = health
    status, body = await get(server.port, "/health")
    assert status == 200
    assert json.loads(body) | {"timestamp": ""} == {
        "status": "ok",
        "service": "agent-host",
        "version": "1.2.3",
        "ready": False,
        "timestamp": "",
    }
    assert (await get(server.port, "/health/ready"))[0] == 503
    checks.accepting = True
    assert (await get(server.port, "/health/ready?verbose"))[0] == 200
    status, body = await get(server.port, "/metrics")
    assert status == 200
    assert b"# TYPE workflows_active gauge" in body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /elsewhere HTTP/1.1\r\n\r\n", 404),
        (b"POST /health HTTP/1.1\r\n\r\n", 405),
        (b"\r\n\r\n", 405),
        (b"\x00\xff\xfe\r\n\r\n", 405),
        (b"GET /" + b"a" * (2 * MAX_REQUEST_BYTES) + b" HTTP/1.1\r\n\r\n", 0),
    ],
)
async def test_odd_requests_get_a_clear_answer_and_the_port_stays_open(
    health: tuple[Health, HealthServer], request_bytes: bytes, status: int
) -> None:
    _, server = health
    assert (await ask(server.port, request_bytes))[0] == status
    assert (await get(server.port, "/health"))[0] == 200


async def test_a_taken_port_is_one_clear_line(health: tuple[Health, HealthServer]) -> None:
    _, server = health
    with pytest.raises(Fatal, match=str(server.port)):
        await HealthServer(Health("x", "1"), port=server.port).open()
