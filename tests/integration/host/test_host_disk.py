"""What a host keeps on its disk: reports until they are settled, artifacts within a bound."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from airlock_agents.host.artifact_cache import ArtifactBroken, ArtifactCache
from airlock_agents.host.spool import Spool
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.messages import AttemptId, Report, ReportStatus
from fake_orchestration import FakeOrchestration, until
from host_process import HostProcess

StartHost = Callable[..., Awaitable[HostProcess]]
RUN = "01890000-0000-7000-8000-000000000001"


def a_report(number: int) -> Report:
    return Report(
        attempt=AttemptId(run=RUN, node="scan", number=number),
        host="host-1",
        token="t" * 32,
        status=ReportStatus.SUCCESS,
    )


async def spool_in(folder: Path) -> Spool:
    spool = Spool(folder)
    await asyncio.to_thread(spool.open)
    return spool


async def test_reports_come_back_as_they_were_the_oldest_first(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path / "reports")
    payloads = []
    for number in (1, 2, 3):
        report = a_report(number)
        payloads.append(report.encode(b'{"n":%d}' % number))
        await spool.keep(str(report.attempt), payloads[-1])
    await spool.forget(str(a_report(2).attempt))
    await spool.forget(str(a_report(2).attempt))
    found = await (await spool_in(tmp_path / "reports")).load()
    assert [payload for _, payload in found] == [payloads[0], payloads[2]]
    assert found[0][0] == a_report(1)


async def test_half_a_report_is_never_read_and_a_broken_one_is_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    spool = await spool_in(folder)
    await spool.keep(str(a_report(1).attempt), a_report(1).encode(b"{}"))
    (folder / "half.part").write_bytes(b"half")
    (folder / "broken.report").write_bytes(b"rubbish\n")
    again = await spool_in(folder)
    assert [report.attempt.number for report, _ in await again.load()] == [1]
    assert not (folder / "half.part").exists()
    assert (folder / "broken.broken").exists()


async def test_nobody_else_may_read_reports(tmp_path: Path) -> None:
    spool = await spool_in(tmp_path / "reports")
    await spool.keep("a/b/1", b"secret")
    assert (tmp_path / "reports").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "reports").iterdir()] == [0o600]


class Store:
    """Gives artifacts and counts how often it was asked."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.asked: list[str] = []

    def put(self, data: bytes) -> ArtifactRef:
        digest = hashlib.sha256(data).hexdigest()
        self.content[digest] = data
        return ArtifactRef(artifact=f"sha256:{digest}", size=len(data), media_type="text/plain")

    async def get(self, ref: ArtifactRef) -> AsyncIterator[bytes]:
        self.asked.append(ref.sha256)
        data = self.content[ref.sha256]
        for at in range(0, len(data), 1000):
            await asyncio.sleep(0)
            yield data[at : at + 1000]


async def cache_in(folder: Path, store: Store, max_bytes: int = 1_000_000) -> ArtifactCache:
    cache = ArtifactCache(folder, store.get, max_bytes=max_bytes)
    await asyncio.to_thread(cache.open)
    return cache


async def read(cache: ArtifactCache, ref: ArtifactRef) -> bytes:
    async with cache.pinned([ref]):
        return b"".join([piece async for piece in cache.read(ref)])


async def test_an_artifact_is_fetched_once_also_when_several_want_it_at_once(tmp_path: Path) -> None:
    store = Store()
    ref = store.put(b"x" * 5000)
    cache = await cache_in(tmp_path, store)
    results = await asyncio.gather(*(read(cache, ref) for _ in range(5)))
    assert set(results) == {b"x" * 5000}
    assert len(store.asked) == 1


@pytest.mark.parametrize("wrong", [b"y" * 5000, b"x" * 4999, b"x" * 5001])
async def test_other_bytes_than_the_digest_says_are_not_kept(tmp_path: Path, wrong: bytes) -> None:
    store = Store()
    ref = store.put(b"x" * 5000)
    store.content[ref.sha256] = wrong
    cache = await cache_in(tmp_path, store)
    with pytest.raises(ArtifactBroken):
        await read(cache, ref)
    assert os.listdir(tmp_path) == []


async def test_the_cache_stays_within_its_bound_and_keeps_what_is_in_use(tmp_path: Path) -> None:
    store = Store()
    refs = [store.put(bytes([number]) * 4000) for number in range(5)]
    cache = await cache_in(tmp_path, store, max_bytes=10_000)
    async with cache.pinned([refs[0]]):
        for age, ref in enumerate(refs[1:]):
            await read(cache, ref)
            os.utime(tmp_path / ref.sha256, (age + 1, age + 1))
        names = set(os.listdir(tmp_path))
    assert names == {refs[0].sha256, refs[4].sha256}


async def test_a_file_that_was_cut_off_is_fetched_again(tmp_path: Path) -> None:
    store = Store()
    ref = store.put(b"x" * 5000)
    cache = await cache_in(tmp_path, store)
    await read(cache, ref)
    (tmp_path / ref.sha256).write_bytes(b"x")
    assert await read(cache, ref) == b"x" * 5000
    assert len(store.asked) == 2


async def test_a_host_that_is_short_of_disk_says_so_and_leaves_work_to_others(
    other_side: FakeOrchestration, start_host: StartHost, tmp_path: Path
) -> None:
    short = await start_host(disk_reserve_mb=str(2**40))
    (said,) = short.events("disk.short")
    assert (said["level"], said["folder"]) == ("warning", "data")
    attempt = await other_side.dispatch(other_side.register(["python3", "-c", "print('{}')"]))
    beats = len(other_side.beats)
    await until(lambda: len(other_side.beats) > beats + 4)  # two seconds, in which others would have taken it
    assert await other_side.waiting_invocations() == 1
    assert short.events("attempt.received") == []
    other = await start_host(host_name="roomy", data_dir=str(tmp_path / "roomy"))
    report, _ = await other_side.report_of(attempt)
    assert (report.status, report.host) == (ReportStatus.SUCCESS, "roomy"), other.output()
