"""What the client makes of answers that a service of ours never gives: lines cut, strangers, wrong bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from airlock_client.client import AirlockClient
from airlock_client.errors import ProblemError, ServerUnreachable, UnexpectedAnswer

BUSY = {
    "type": "https://example.com/errors/rate.limited",
    "title": "Too many requests.",
    "status": 429,
    "detail": "100 per minute",
    "code": "rate.limited",
    "category": "limit",
    "retryable": True,
}
EMPTY_PAGE = json.dumps({"items": [], "next_cursor": None})
Answer = Callable[[int], bytes]
"""The bytes to answer the n-th request with; none at all: the line is cut."""


def http(status: str, body: str, *headers: str) -> bytes:
    raw = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + raw


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@asynccontextmanager
async def stranger(answer: Answer) -> AsyncIterator[tuple[AirlockClient, list[str]]]:
    """A client of a server that answers as told, and the requests that came."""
    requests: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        requests.append(head.split(b"\r\n")[0].decode())
        writer.write(answer(len(requests)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, AirlockClient(f"http://127.0.0.1:{port}", "airlock_secret") as client:
        yield client, requests


async def test_a_read_whose_line_is_cut_is_tried_again() -> None:
    async with stranger(lambda count: b"" if count < 3 else http("200 OK", EMPTY_PAGE)) as (client, requests):
        assert (await client.runs()).items == []
    assert len(requests) == 3


async def test_what_changes_something_is_sent_once() -> None:
    async with stranger(lambda _: b"") as (client, requests):
        with pytest.raises(ServerUnreachable):
            await client.trigger("security-review", {})
    assert requests == ["POST /api/workflows/security-review/trigger HTTP/1.1"]


async def test_a_read_that_comes_too_often_waits_as_long_as_it_is_told() -> None:
    busy = http("429 Too Many Requests", json.dumps(BUSY), "Retry-After: 1")
    began = asyncio.get_running_loop().time()
    async with stranger(lambda count: busy if count == 1 else http("200 OK", EMPTY_PAGE)) as (
        client,
        requests,
    ):
        await client.runs()
    assert len(requests) == 2
    assert asyncio.get_running_loop().time() - began >= 1


async def test_a_problem_keeps_all_that_the_answer_said() -> None:
    body = BUSY | {"retryable": False, "hint": "Wait.", "details": {"limit": 100}}
    async with stranger(lambda _: http("429 Too Many Requests", json.dumps(body))) as (client, _):
        with pytest.raises(ProblemError) as raised:
            await client.runs()
    assert raised.value.problem.hint == "Wait."
    assert raised.value.problem.details == {"limit": 100}


@pytest.mark.parametrize("answer", [http("200 OK", "<html>Login</html>"), http("502 Bad Gateway", "<html>")])
async def test_somebody_elses_answer_is_named_and_never_shows_the_key(answer: bytes) -> None:
    async with stranger(lambda _: answer) as (client, _):
        with pytest.raises(UnexpectedAnswer) as raised:
            await client.runs()
    assert "/api/runs" in str(raised.value)
    assert "airlock_secret" not in str(raised.value)


async def test_an_event_that_this_client_does_not_know_is_an_unexpected_answer() -> None:
    event = {"v": 1, "id": 1, "type": "node.paused"}
    lines = f"id: 1\nevent: node.paused\ndata: {json.dumps(event)}\n\n"
    stream = http("200 OK", lines, "Content-Type: text/event-stream")
    async with stranger(lambda _: stream) as (client, _):
        with pytest.raises(UnexpectedAnswer, match="/api/runs/some/events answered something else"):
            await anext(client.events("some"))


async def test_a_line_that_this_client_cannot_read_is_an_unexpected_answer() -> None:
    stream = http("200 OK", 'id: 1\nevent: line\ndata: {"id": "x"}\n\n', "Content-Type: text/event-stream")
    async with stranger(lambda _: stream) as (client, _):
        with pytest.raises(UnexpectedAnswer, match="/api/runs/some/logs answered something else"):
            await anext(client.follow_logs("some"))


async def test_bytes_of_another_digest_leave_no_file(tmp_path: Path) -> None:
    async with stranger(lambda _: http("200 OK", "not what was asked for")) as (client, _):
        with pytest.raises(UnexpectedAnswer, match="has the digest"):
            await client.get_artifact("sha256:" + "0" * 64, tmp_path / "x")
    assert contents(tmp_path) == {}


async def test_a_download_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    async with stranger(lambda _: half) as (client, _):
        with pytest.raises(ServerUnreachable):
            await client.get_artifact("0" * 64, tmp_path / "x")
    assert contents(tmp_path) == {"x": "old"}


async def test_a_name_with_a_slash_stays_one_segment_of_the_path() -> None:
    async with stranger(lambda _: http("404 Not Found", json.dumps(BUSY | {"retryable": False}))) as (
        client,
        requests,
    ):
        with pytest.raises(ProblemError):
            await client.run("../keys?x=1#y")
    assert requests == ["GET /api/runs/..%2Fkeys%3Fx%3D1%23y HTTP/1.1"]
