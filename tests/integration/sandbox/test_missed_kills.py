"""Kills for memory that the engine misses: what the kernel was seen to count is not thrown away."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.sandbox.cgroup import Counted, read_counted
from airlock_agents.sandbox.docker import Containers, EngineFailed
from airlock_agents.sandbox.engine import Engine
from airlock_agents.sandbox.outcome import Ended, Failed, Success
from airlock_agents.sandbox.ports import SandboxRequest, SandboxSpec
from airlock_agents.sandbox.sandbox import OpenFailed
from airlock_agents.sandbox.sandboxes import Sandboxes
from airlock_contracts.messages import Usage

KILLED = Counted(oom_kills=1, limit_reached=True)
BY_THE_MACHINE = Counted(oom_kills=1, limit_reached=False)
FULL = Counted(oom_kills=0, memory_bytes=2**26, peak_memory_bytes=2**26)
FULL_ONCE = Counted(oom_kills=0, memory_bytes=2**20, peak_memory_bytes=2**26)
READY = 'print(\'{"type":"ready","protocol":"airlock/1","sdk":"0"}\', flush=True); input()'
ANSWER = 'print(\'{"type":"result","size":2}\'); print("{}", end="", flush=True); input()'


class Forgetful(Containers):
    """Real containers of an engine that tells of no kill, and whose counts are seen once and never again."""

    def see(self, counted: Counted, *, lost: bool = False, silent: bool = False) -> None:
        self.lost, self.silent = lost, silent
        self.seen = asyncio.Event()
        self._looks = itertools.chain([counted], itertools.repeat(None))

    def counted(self, container: str) -> Counted | None:
        self.seen.set()
        return next(self._looks)

    async def look(self, container: str) -> Ended | None:
        await self.seen.wait()
        if self.lost:
            raise EngineFailed("it is gone")
        ended = await super().look(container)
        return ended and Ended(ended.exit_code, oom_killed=False)

    async def killed_for_memory(self, container: str) -> bool:
        if self.silent:
            raise EngineFailed("events: no")
        return await super().killed_for_memory(container)


class Unkillable(Containers):
    """Real containers beside which a cgroup's files stand: whoever kills one did not believe them."""

    async def kill(self, container: str) -> None:
        raise AssertionError("the engine was asked")

    def counted(self, container: str) -> Counted | None:
        return read_counted("c1", self._cgroups)


@pytest.fixture
async def forgetful(engine: Engine) -> AsyncIterator[Forgetful]:
    opened = await Forgetful.connect(engine)
    assert isinstance(opened, Forgetful)
    yield opened
    await opened.close()


@pytest.fixture
def blind(forgetful: Forgetful, install_id: str, host_id: str) -> Sandboxes:
    return Sandboxes(forgetful, install=install_id, host=host_id, boot="boot-1")


@pytest.mark.parametrize(
    ("script", "seen", "code", "retryable"),
    [
        ("echo '{}'", KILLED, "memory.exceeded", False),
        ("exit 1", KILLED, "memory.exceeded", False),
        ("kill -9 $$", KILLED, "memory.exceeded", False),
        ("echo '{}'", BY_THE_MACHINE, "sandbox.lost", True),
        ("kill -9 $$", BY_THE_MACHINE, "sandbox.lost", True),
        ("kill -9 $$", FULL, "memory.exceeded", True),
        ("kill -9 $$", FULL_ONCE, "sandbox.lost", True),
    ],
)
async def test_a_kill_that_was_counted_counts_however_the_agent_ended(
    forgetful: Forgetful,
    blind: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    script: str,
    seen: Counted,
    code: str,
    retryable: bool,
) -> None:
    forgetful.see(seen)
    spec = spec_of(["sh", "-c", script], memory_mb=64)
    outcome = await blind.run(spec, request_of(None), recorder, recorder)
    assert isinstance(outcome, Failed)
    assert (outcome.failure.code, outcome.failure.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("code", "silent", "found"),
    [
        ("bytearray(200 << 20)", False, "memory.exceeded"),
        ("bytearray(200 << 20)", True, "sandbox.lost"),
        ("import os; os.kill(os.getpid(), 9)", False, "sandbox.lost"),
    ],
)
@pytest.mark.parametrize("protocol", ["stdio", "airlock/1"])
async def test_a_kill_that_nobody_counted_and_the_engine_tells_of_too_late_counts(
    forgetful: Forgetful,
    blind: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    protocol: str,
    code: str,
    silent: bool,
    found: str,
) -> None:
    forgetful.see(Counted(), silent=silent)
    spec = spec_of(["python3", "-c", code], protocol, memory_mb=32)
    outcome = await blind.run(spec, request_of(None), recorder, recorder)
    assert isinstance(outcome, Failed)
    assert outcome.failure.code == found, outcome


@pytest.mark.parametrize("end", [ANSWER, "print('no frame', flush=True); input()", "pass"])
async def test_a_kill_that_was_counted_counts_when_the_counts_are_gone(
    forgetful: Forgetful,
    blind: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    end: str,
) -> None:
    forgetful.see(KILLED)
    spec = spec_of(["python3", "-c", f"{READY}; {end}"], "airlock/1")
    outcome = await blind.run(spec, request_of(None), recorder, recorder)
    assert isinstance(outcome, Failed)
    assert outcome.failure.code == "memory.exceeded"


async def test_a_kill_that_was_counted_counts_when_the_engine_is_gone(
    forgetful: Forgetful,
    blind: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
) -> None:
    forgetful.see(KILLED, lost=True)
    outcome = await blind.run(spec_of(["true"]), request_of(None), recorder, recorder)
    assert isinstance(outcome, Failed)
    assert outcome.failure.code == "memory.exceeded"


@pytest.mark.parametrize("lost", [False, True])
async def test_one_that_is_killed_before_it_is_ready_is_told_so_with_what_it_took(
    forgetful: Forgetful, blind: Sandboxes, spec_of: Callable[..., SandboxSpec], lost: bool
) -> None:
    forgetful.see(replace(KILLED, cpu_ms=7.0), lost=lost)
    taken: list[Usage] = []
    with pytest.raises(OpenFailed) as caught:
        await blind.open(spec_of(["sh", "-c", "exit 1"], "airlock/1"), on_closed=taken.append)
    assert caught.value.outcome.failure.code == "memory.exceeded"
    assert taken == [caught.value.outcome.usage]
    assert (taken[0].cpu_ms, taken[0].run_ms) == (7.0, None)
    assert taken[0].start_ms is not None


async def test_what_one_took_that_was_cancelled_while_it_opened_is_told(
    forgetful: Forgetful, blind: Sandboxes, spec_of: Callable[..., SandboxSpec]
) -> None:
    forgetful.see(Counted(cpu_ms=7.0))
    taken: list[Usage] = []
    spec = spec_of(["sleep", "60"], "airlock/1")
    opening = asyncio.create_task(blind.open(spec, on_closed=taken.append))
    await forgetful.seen.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert [usage.cpu_ms for usage in taken] == [7.0]
    assert taken[0].start_ms is not None


async def test_an_answer_costs_no_question_to_the_engine_while_every_thread_is_busy(
    engine: Engine,
    install_id: str,
    host_id: str,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., SandboxRequest],
    tmp_path: Path,
) -> None:
    (tmp_path / "docker/c1").mkdir(parents=True)
    (tmp_path / "docker/c1/memory.events").write_text("oom 0\noom_kill 0\n")
    containers = await Unkillable.connect(engine, cgroups=tmp_path)
    sandboxes = Sandboxes(containers, install=install_id, host=host_id, boot="boot-1")
    with ThreadPoolExecutor(max_workers=1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        over = threading.Event()
        threads.submit(over.wait)
        try:
            spec = spec_of(["python3", "-c", f"{READY}; {ANSWER}"], "airlock/1")
            outcome = await sandboxes.run(spec, request_of(None), recorder, recorder)
        finally:
            over.set()
            await containers.close()
    assert isinstance(outcome, Success)
