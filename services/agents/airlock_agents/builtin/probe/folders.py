"""Tries to write where one should not, and to execute what one wrote."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .kernel import call
from .tries import Box, Room, Seen, Try, absent, by_error, fact, opened, refused, spelled

_PLACES = """
    / /etc /usr/bin /opt/agent /opt/airlock /root /home /var/tmp /var/lib /run /dev /dev/shm /dev/mqueue
    /etc/passwd /etc/hosts /etc/resolv.conf /etc/ld.so.preload /sbin/docker-init /usr/sbin/docker-init
""".split()
_MIB = 1024 * 1024
_LOADERS = (
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
)
_NOT_EXECUTED = (126, 127)


def _whole_walk(box: Box) -> Seen:
    shown = ", ".join(box.writable[:8])
    more = f" and {len(box.writable) - 8} more" if len(box.writable) > 8 else ""
    return fact(not box.writable, f"beside scratch: {shown or 'nothing'}{more}")


def _write(place: str) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        path = Path(place)
        made = path / ".airlock-probe" if path.is_dir() else path
        existed = os.path.lexists(made)
        try:
            os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        except OSError as error:
            return by_error(error)
        if not existed:
            made.unlink()
        return opened("it can be written")

    return run


def _scratch_is_full(box: Box) -> Seen:
    folder = box.scratch / "full"
    folder.mkdir()
    piece = bytes(_MIB)
    written = 0
    try:
        for index in range(box.granted.scratch_mb + 8):
            (folder / str(index)).write_bytes(piece)
            written += 1
    except OSError as error:
        return refused(f"{spelled(error.errno)} after {written} MiB of {box.granted.scratch_mb}")
    finally:
        shutil.rmtree(folder)
    return opened(f"{written} MiB were written, {box.granted.scratch_mb} are granted")


def _program(box: Box) -> Path:
    path = box.scratch / "program"
    shutil.copyfile(shutil.which("true") or "/bin/true", path)
    path.chmod(0o755)
    return path


def _execute(box: Box) -> Seen:
    program = _program(box)
    try:
        subprocess.run([program], check=True, timeout=2)  # noqa: S603 - that it is refused is the point
    except OSError as error:
        return by_error(error)
    finally:
        program.unlink()
    return opened("a program that was written here ran")


def _execute_by_loader(box: Box) -> Seen:
    loader = next((path for path in _LOADERS if Path(path).exists()), None)
    if loader is None:
        return absent("the image has no loader that is known")
    program = _program(box)
    try:
        done = subprocess.run([loader, program], check=False, timeout=2, capture_output=True, text=True)  # noqa: S603
    finally:
        program.unlink()
    if done.returncode == 0:
        return opened("a program that was written here ran, by the loader")
    said = done.stderr.strip().rpartition(": ")[2]
    return (
        refused(said) if done.returncode in _NOT_EXECUTED else opened(f"exit code {done.returncode}: {said}")
    )


def _execute_in_memory(_: Box) -> Seen:
    try:
        handle = call("memfd_create", b"airlock-probe", 0)
    except OSError as error:
        return by_error(error, "memfd_create")
    with Path(shutil.which("true") or "/bin/true").open("rb") as source:
        shutil.copyfileobj(source, os.fdopen(os.dup(handle), "wb"))
    try:
        subprocess.run([f"/proc/self/fd/{handle}"], check=True, timeout=2, pass_fds=(handle,))  # noqa: S603
    except OSError as error:
        return by_error(error, "exec")
    return opened("a program ran from a file in memory")


def _map_executable(box: Box) -> Seen:
    path = box.scratch / "code"
    path.write_bytes(bytes(mmap.PAGESIZE))
    try:
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC):
            return opened("a file that was written here was mapped to be executed")
    except OSError as error:
        return by_error(error)
    finally:
        path.unlink()


def _flags(box: Box) -> Seen:
    flags = os.statvfs(box.scratch).f_flag
    lacking = [
        name
        for name, flag in (("nosuid", os.ST_NOSUID), ("nodev", os.ST_NODEV), ("noexec", os.ST_NOEXEC))
        if not flags & flag
    ]
    return fact(not lacking, f"flags that are lacking: {', '.join(lacking) or 'none'}")


WRITING = Room(
    "writable paths",
    why="what is written outside scratch outlives the agent, fills the disk or changes what others run",
    mend="ReadonlyRootfs, Tmpfs for scratch alone, MaskedPaths; no Binds; images with VOLUME are refused "
    "when they are registered",
    tries=(
        Try("the whole file system", _whole_walk),
        *(Try(place, _write(place)) for place in _PLACES),
        Try("scratch beyond its size", _scratch_is_full),
    ),
)
EXECUTING = Room(
    "executing what was written",
    why="a program that was downloaded or dropped should not start as one",
    mend="Tmpfs for scratch must carry noexec,nosuid,nodev; Airlock's seccomp profile keeps memfd_create",
    tries=(
        Try("flags of scratch", _flags),
        Try("from scratch", _execute),
        Try("from scratch, by the loader", _execute_by_loader),
        Try("mapped from scratch", _map_executable),
        Try("from memory", _execute_in_memory),
    ),
)
