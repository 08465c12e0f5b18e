"""Artifacts through REST: streamed, checked both ways, kept once."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from airlock_contracts.artifacts import CHUNK_BYTES
from airlock_orchestration.errors import ArtifactCorrupt, ArtifactTooLarge
from airlock_orchestration.operations.artifacts import Artifacts, Putter
from airlock_orchestration.operations.keys import create_key
from airlock_orchestration.store.tables import KeyRole

MEGABYTE = 1024 * 1024
RUN = "01a1fb7d-ec30-7f2b-916f-8bbcf3ce8ec4"


async def test_fifty_megabytes_go_in_and_out_unchanged_in_little_memory(rig: Any) -> None:
    def block(number: int) -> bytes:
        return hashlib.sha256(b"%d" % number).digest() * (MEGABYTE // 32)

    async def body() -> AsyncIterator[bytes]:
        for number in range(50):
            yield block(number)
        yield b"and a little more"

    expected = hashlib.sha256()
    for number in range(50):
        expected.update(block(number))
    expected.update(b"and a little more")
    digest = expected.hexdigest()
    tracemalloc.start()
    try:
        put = await rig.client.put(
            f"/api/artifacts/{digest}", content=body(), headers={"Content-Type": "application/x-tar"}
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert put.status_code == 201, put.text
    assert put.json()["size"] == 50 * MEGABYTE + 17
    assert peak < 16 * MEGABYTE
    head = await rig.client.head(f"/api/artifacts/{digest}")
    assert head.headers["content-length"] == str(50 * MEGABYTE + 17)
    assert head.headers["content-type"] == "application/x-tar"
    got = hashlib.sha256()
    async with rig.client.stream("GET", f"/api/artifacts/sha256:{digest}") as answer:
        async for piece in answer.aiter_bytes():
            got.update(piece)
    assert got.hexdigest() == digest


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
async def test_every_size_comes_back_as_it_was(rig: Any, size: int) -> None:
    data = b"\x00\xff" * (size // 2) + b"x" * (size % 2)
    digest = hashlib.sha256(data).hexdigest()
    assert (await rig.client.put(f"/api/artifacts/{digest}", content=data)).status_code == 201
    assert (await rig.client.get(f"/api/artifacts/{digest}")).content == data


async def test_putting_again_is_200_and_needs_the_bytes_again(rig: Any) -> None:
    data = b"twice"
    digest = hashlib.sha256(data).hexdigest()
    first = await rig.client.put(f"/api/artifacts/{digest}", content=data)
    again = await rig.client.put(f"/api/artifacts/{digest}", content=data)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    claimed = await rig.client.put(f"/api/artifacts/{digest}", content=b"no idea")
    assert (claimed.status_code, claimed.json()["code"]) == (422, "artifact.mismatch")


async def test_other_bytes_than_named_leave_nothing_behind(rig: Any) -> None:
    digest = hashlib.sha256(b"these").hexdigest()
    answer = await rig.client.put(f"/api/artifacts/{digest}", content=b"those")
    assert (answer.status_code, answer.json()["code"]) == (422, "artifact.mismatch")
    assert (await rig.client.get(f"/api/artifacts/{digest}")).json()["code"] == "artifact.unknown"
    assert await _rows(rig) == (0, 0)


async def test_an_upload_that_is_cut_off_leaves_nothing_behind(rig: Any) -> None:
    class Gone(Exception):
        pass

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 3 * MEGABYTE
        raise Gone

    with pytest.raises(Gone):
        await rig.deps.artifacts.put(
            "0" * 64, body(), media_type="text/plain", putter=Putter("default", "alice")
        )
    assert await _rows(rig) == (0, 0)


async def test_what_is_too_large_is_413_as_soon_as_it_is_counted(rig: Any) -> None:
    small = Artifacts(rig.sessions, max_bytes=1000)
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 100
            yield b"x" * 100

    with pytest.raises(ArtifactTooLarge):
        await small.put("0" * 64, body(), media_type="text/plain", putter=Putter("default", "alice"))
    assert sent == 1100
    announced = await rig.client.put(
        f"/api/artifacts/{'0' * 64}", content=b"", headers={"Content-Length": str(300 * MEGABYTE)}
    )
    assert (announced.status_code, announced.json()["code"]) == (413, "artifact.too_large")


async def test_stored_bytes_that_rotted_are_never_given_out_whole(rig: Any) -> None:
    data = b"a" * CHUNK_BYTES + b"b" * 10
    digest = hashlib.sha256(data).hexdigest()
    await rig.client.put(f"/api/artifacts/{digest}", content=data)
    async with rig.sessions.path() as connection:
        await connection.execute("UPDATE artifact_chunks SET chunk = $1 WHERE position = 1", b"c" * 10)
    came = bytearray()

    async def read() -> None:
        async for piece in rig.deps.artifacts.read(digest, len(data)):
            came.extend(piece)

    with pytest.raises(ArtifactCorrupt):
        await read()
    assert came == b"a" * CHUNK_BYTES


async def test_a_host_puts_for_an_attempt_and_that_is_remembered(rig: Any) -> None:
    data = b"made by an attempt"
    digest = hashlib.sha256(data).hexdigest()
    attempt = {"Airlock-Attempt": f"{RUN}/scan/1"}
    async with rig.client_of(await rig.new_key("host-1", KeyRole.HOST)) as host:
        answer = await host.put(f"/api/artifacts/{digest}", content=data, headers=attempt)
        assert answer.status_code == 201, answer.text
        nonsense = await host.put(
            f"/api/artifacts/{digest}", content=data, headers={"Airlock-Attempt": "scan"}
        )
        assert nonsense.status_code == 422
        assert (await host.get(f"/api/artifacts/{digest}")).content == data
    pretended = await rig.client.put(f"/api/artifacts/{digest}", content=data, headers=attempt)
    assert pretended.status_code == 403
    await rig.client.put(f"/api/artifacts/{digest}", content=data)
    async with rig.sessions.path() as connection:
        rows = await connection.fetch("SELECT put_by FROM artifact_puts ORDER BY put_by")
    assert [row["put_by"] for row in rows] == [f"{RUN}/scan/1", "alice"]


async def listed(client: Any, **query: Any) -> list[str]:
    answer = await client.get("/api/artifacts", params=query)
    assert answer.status_code == 200, answer.text
    return [one["artifact"] for one in answer.json()["items"]]


async def put(client: Any, data: bytes, **headers: str) -> str:
    digest = hashlib.sha256(data).hexdigest()
    answer = await client.put(f"/api/artifacts/{digest}", content=data, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return f"sha256:{digest}"


async def test_a_list_shows_a_project_what_its_keys_and_its_attempts_put(rig: Any) -> None:
    run = await rig.start()
    other = (await create_key(rig.sessions, "alice", project="other")).text
    host = (await create_key(rig.sessions, "h", role=KeyRole.HOST, project="other")).text
    async with rig.client_of(other) as theirs, rig.client_of(host) as hosts:
        secret, shared = await put(theirs, b"theirs"), await put(theirs, b"both have it")
        mine = await put(rig.client, b"mine")
        assert await put(rig.client, b"both have it") == shared
        made = await put(hosts, b"made", **{"Airlock-Attempt": f"{run}/a/1"})
        assert await listed(rig.client) == [made, shared, mine]
        assert await listed(theirs) == [shared, secret]


async def test_the_artifacts_of_another_project_s_run_or_of_none_are_404(rig: Any) -> None:
    run = await rig.start()
    other = (await create_key(rig.sessions, "eve", project="other")).text
    assert await listed(rig.client, run=run) == []
    async with rig.client_of(other) as theirs:
        for client, asked in ((theirs, run), (rig.client, RUN)):
            answer = await client.get("/api/artifacts", params={"run": asked})
            assert (answer.status_code, answer.json()["code"]) == (404, "run.unknown")


@pytest.mark.parametrize("digest", ["x", "0" * 63, "0" * 65, "A" * 64, "sha256:", "..%2f" + "0" * 60])
async def test_a_malformed_digest_is_4xx(rig: Any, digest: str) -> None:
    answer = await rig.client.get(f"/api/artifacts/{digest}")
    assert 400 <= answer.status_code < 500


async def test_a_page_of_html_is_saved_and_not_shown(rig: Any) -> None:
    data = b"<script>alert(1)</script>"
    digest = hashlib.sha256(data).hexdigest()
    await rig.client.put(f"/api/artifacts/{digest}", content=data, headers={"Content-Type": "text/html"})
    answer = await rig.client.get(f"/api/artifacts/{digest}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def _rows(rig: Any) -> tuple[int, int]:
    async with rig.sessions.path() as connection:
        return (
            await connection.fetchval("SELECT count(*) FROM artifacts"),
            await connection.fetchval("SELECT count(*) FROM artifact_chunks"),
        )
