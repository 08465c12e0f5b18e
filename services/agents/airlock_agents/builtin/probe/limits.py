"""Tries to take more than was granted: processes, files, memory."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

from .tries import Box, Room, Seen, Try, absent, by_error, fact, opened, refused, spelled

_MIB = 1024 * 1024
_BEYOND = 64
"""How many more than granted are tried before it is called open."""
_MEMORY_V1 = Path("/sys/fs/cgroup/memory")
_UNIFIED = Path("/sys/fs/cgroup")
_ENDLESS = 1 << 60
"""Bytes: version 1 states no limit by the largest number that it has, rounded down to whole pages."""


def _fork(box: Box) -> Seen:
    children: list[int] = []
    try:
        for _ in range(box.granted.pids + _BEYOND):
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError as error:
        return refused(f"{spelled(error.errno)} after {len(children)} of {box.granted.pids}")
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
    return opened(f"{len(children)} processes were made, {box.granted.pids} are granted")


def _open_files(box: Box) -> Seen:
    handles: list[int] = []
    try:
        while len(handles) < box.granted.open_files + _BEYOND:
            handles.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        return refused(f"{spelled(error.errno)} after {len(handles)} of {box.granted.open_files}")
    finally:
        for handle in handles:
            os.close(handle)
    return opened(f"{len(handles)} files are open, {box.granted.open_files} are granted")


def _large_file(box: Box) -> Seen:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = box.scratch / "large"
    size = box.granted.scratch_mb * _MIB + 1
    try:
        with path.open("wb") as file:
            file.truncate(size)
    except OSError as error:
        return refused(f"{spelled(error.errno)} at {size} bytes")
    finally:
        path.unlink()
    return opened(f"a file of {size} bytes was made, if an empty one")


def _core(_: Box) -> Seen:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    return fact(hard == 0, f"at most {hard} bytes")


def _raise(name: str, kind: int) -> Try:
    def run(_: Box) -> Seen:
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY:
            return opened("there is no limit")
        try:
            resource.setrlimit(kind, (hard + 1, hard + 1))
        except (OSError, ValueError) as error:
            return refused(f"over {hard}: {error}")
        return opened(f"it was raised from {hard}")

    return Try(f"raising the limit of {name}", run)


def _spared(_: Box) -> Seen:
    """Below 0 others would be killed first; down to 0 one may where the engine lacks CAP_SYS_RESOURCE."""
    path = Path("/proc/self/oom_score_adj")
    try:
        path.write_text("-1")
    except OSError as error:
        return by_error(error, "oom_score_adj below 0")
    return opened("oom_score_adj is -1: others would be killed first")


def _sacrificed(_: Box) -> Seen:
    value = int(Path("/proc/self/oom_score_adj").read_text())
    return fact(value >= 500, f"oom_score_adj {value}")


def _priority(_: Box) -> Seen:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -5)
    except OSError as error:
        return by_error(error)
    return opened("its priority is above everybody's")


def _real_time(_: Box) -> Seen:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError as error:
        return by_error(error)
    return opened("it runs before everybody")


def _locked(_: Box) -> Seen:
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    return fact(hard != resource.RLIM_INFINITY, f"at most {hard} bytes locked in memory")


def _number(*places: Path) -> int | None:
    for place in places:
        try:
            text = place.read_text().strip()
        except OSError:
            continue
        stated = int(text) if text.isdecimal() else _ENDLESS  # `max`
        return stated if stated < _ENDLESS else -1
    return None


def _stated(what: str, judge: Callable[[int, Box], bool], *places: Path) -> Callable[[Box], Seen]:
    def run(box: Box) -> Seen:
        value = _number(*places)
        if value is None:
            return absent("this machine does not show its control groups")
        return fact(value >= 0 and judge(value, box), f"{what}: {value if value >= 0 else 'no limit'}")

    return run


def _no_swap(_: Box) -> Seen:
    both, memory = (
        _number(_MEMORY_V1 / "memory.memsw.limit_in_bytes"),
        _number(_MEMORY_V1 / "memory.limit_in_bytes"),
    )
    if both is not None and memory is not None:
        bounded = 0 <= both <= memory
        return fact(bounded, f"memory {memory}, memory and swap {both}{'' if bounded else ' (-1: no limit)'}")
    swap = _number(_UNIFIED / "memory.swap.max")
    if swap is None:
        return absent("this kernel does not count swap")
    return fact(swap == 0, f"swap {swap if swap >= 0 else 'without a limit'}")


def exhaust(box: Box) -> int:
    """Take memory in a child until it is killed or has twice what is granted; answers the MiB it had."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        held = []
        for _ in range(2 * box.granted.memory_mb):
            held.append(b"\1" * _MIB)
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    taken = 0
    with os.fdopen(reading, "rb") as told:
        while piece := told.read(_MIB):
            taken += len(piece)
    os.waitpid(child, 0)
    return taken


LIMITS = Room(
    "limits",
    why="one agent must not take the machine from the others",
    mend="the engine must enforce limits: no warnings about limits in `docker info`; the memory and pids "
    "controllers enabled (cgroup_enable=memory swapaccount=1 on the kernel's command line, where it says "
    "so); a rootless engine needs delegation; no runtime that ignores control groups",
    tries=(
        Try("processes", _fork),
        Try("open files", _open_files),
        Try("a file larger than scratch", _large_file),
        Try("core dumps", _core),
        Try("memory that cannot be swapped", _locked),
        _raise("open files", resource.RLIMIT_NOFILE),
        _raise("file size", resource.RLIMIT_FSIZE),
        _raise("core dumps", resource.RLIMIT_CORE),
        Try("first to go when memory is short", _sacrificed),
        Try("being spared when memory is short", _spared),
        Try("a higher priority", _priority),
        Try("real-time priority", _real_time),
        Try(
            "memory, as the kernel states it",
            _stated(
                "bytes",
                lambda value, box: value <= box.granted.memory_mb * _MIB,
                _UNIFIED / "memory.max",
                _MEMORY_V1 / "memory.limit_in_bytes",
            ),
        ),
        Try("swap, as the kernel states it", _no_swap),
        Try(
            "processes, as the kernel states it",
            _stated(
                "processes",
                lambda value, box: value <= box.granted.pids,
                _UNIFIED / "pids.max",
                _UNIFIED / "pids" / "pids.max",
            ),
        ),
    ),
)
