"""The probe's tries: named, explained, and judged so that what cannot be told never counts as held."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from airlock_agents.builtin.probe.main import GRANTED, ROOMS
from airlock_agents.builtin.probe.mounts import thermal_interrupts
from airlock_agents.builtin.probe.tries import (
    Box,
    Granted,
    Seen,
    Try,
    Verdict,
    by_error,
    conduct,
    fact,
    opened,
    refused,
)

MANIFEST = Path(__file__).parents[3] / "services/agents/airlock_agents/builtin/probe/agent.yaml"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(granted=Granted(memory_mb=64, pids=16, scratch_mb=1), scratch=tmp_path)


def made(run: Callable[[Box], Seen], box: Box, seconds: float = 5.0) -> Seen:
    return conduct(Try("one", run), box, seconds)


def test_what_it_expects_is_what_its_manifest_grants() -> None:
    limits = yaml.safe_load(MANIFEST.read_text())["limits"]
    assert (GRANTED.memory_mb, GRANTED.pids, GRANTED.scratch_mb) == (
        limits["memory_mb"],
        limits["pids"],
        limits["scratch_mb"],
    )


def test_every_try_has_a_name_of_its_own_a_reason_and_a_way_to_mend_it() -> None:
    names = [(room.name, one.name) for room in ROOMS for one in room.tries]
    assert len(names) == len(set(names))
    assert all(room.why and room.mend and room.tries for room in ROOMS)


def test_an_answer_comes_out_of_the_process_that_it_was_made_in(box: Box) -> None:
    ours = os.getpid()
    assert made(lambda _: refused(str(os.getpid() == ours)), box) == Seen(Verdict.REFUSED, "False")
    assert made(lambda _: opened("x" * 1000), box) == Seen(Verdict.OPEN, "x" * 300)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (errno.EPERM, Verdict.REFUSED),
        (errno.EACCES, Verdict.REFUSED),
        (errno.EROFS, Verdict.REFUSED),
        (errno.ENOSYS, Verdict.ABSENT),
        (errno.ENOENT, Verdict.ABSENT),
        (errno.EAFNOSUPPORT, Verdict.ABSENT),
        (errno.EINVAL, Verdict.OPEN),
        (errno.EFAULT, Verdict.OPEN),
        (errno.ECONNREFUSED, Verdict.OPEN),
    ],
)
def test_an_error_is_a_refusal_only_where_it_is_one(code: int, verdict: Verdict) -> None:
    seen = by_error(OSError(code, os.strerror(code)), "it")
    assert seen.verdict is verdict
    assert seen.saw.startswith(f"it: {errno.errorcode[code]}")


def test_a_process_that_is_ended_for_a_system_call_was_refused(box: Box) -> None:
    def run(_: Box) -> Seen:
        os.kill(os.getpid(), signal.SIGSYS)
        return opened("it went on")

    assert made(run, box).verdict is Verdict.REFUSED


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGKILL])
def test_a_process_that_ends_without_a_word_is_not_held(number: int, box: Box) -> None:
    def run(_: Box) -> Seen:
        os.kill(os.getpid(), number)
        return refused("it went on")

    seen = made(run, box)
    assert seen.verdict is Verdict.UNCLEAR
    assert not seen.verdict.holds


def test_an_error_that_nobody_foresaw_is_not_held_even_if_it_reads_like_a_refusal(box: Box) -> None:
    def run(_: Box) -> Seen:
        raise PermissionError(errno.EACCES, "somewhere else")

    assert made(run, box).verdict is Verdict.UNCLEAR


def test_what_takes_too_long_is_not_held_and_what_it_started_ends_with_it(box: Box) -> None:
    def run(inside: Box) -> Seen:
        child = os.fork()
        if not child:
            (inside.scratch / "new").write_text(str(os.getpid()))
            (inside.scratch / "new").rename(inside.scratch / "grandchild")
        signal.pause()
        return refused("never")

    assert made(run, box, seconds=5.0).verdict is Verdict.UNCLEAR
    grandchild = int((box.scratch / "grandchild").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{grandchild}").exists() and _state(grandchild) != "Z":
        assert time.monotonic() < deadline
        os.sched_yield()


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_thermal_interrupts_are_masked_folder_by_folder(tmp_path: Path) -> None:
    assert thermal_interrupts(tmp_path).verdict is Verdict.ABSENT
    for number in range(2):
        (tmp_path / f"cpu{number}" / "thermal_throttle").mkdir(parents=True)
    assert thermal_interrupts(tmp_path).verdict is Verdict.HELD
    (tmp_path / "cpu1" / "thermal_throttle" / "core_throttle_count").write_text("7")
    seen = thermal_interrupts(tmp_path)
    assert (seen.verdict, seen.saw) == (Verdict.OPEN, "it shows those of cpu1")


def test_a_fact_holds_or_is_open() -> None:
    assert fact(True, "x").verdict is Verdict.HELD
    assert fact(False, "x").verdict is Verdict.OPEN
