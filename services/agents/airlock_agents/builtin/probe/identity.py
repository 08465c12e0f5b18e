"""Tries about who the agent is: its capabilities, its user, what it is told about its surroundings."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .tries import Box, Room, Seen, Try, absent, fact, opened, refused

USER = 65532
_SETS = {"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective"} | {
    "CapBnd": "bounding",
    "CapAmb": "ambient",
}
_KNOWN_VARIABLES = frozenset(
    "HOME HOSTNAME LANG LC_ALL LC_CTYPE PATH PWD PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONUNBUFFERED".split()
)
_SECRETS = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|DATABASE|AIRLOCK|DOCKER|NATS|AWS|GITHUB", re.I)


def _status(process: int | str = "self") -> dict[str, list[str]]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def _set_is_empty(line: str) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        value = _status()[line][0]
        return fact(int(value, 16) == 0, f"{line} {value}")

    return run


def _user(_: Box) -> Seen:
    return fact(os.getresuid() == (USER,) * 3, f"uid {os.getresuid()}")


def _group(_: Box) -> Seen:
    return fact(os.getresgid() == (USER,) * 3, f"gid {os.getresgid()}")


def _groups(_: Box) -> Seen:
    return fact(set(os.getgroups()) <= {USER}, f"groups {os.getgroups()}")


def _no_new_privileges(_: Box) -> Seen:
    value = _status()["NoNewPrivs"][0]
    return fact(value == "1", f"NoNewPrivs {value}")


def _filtered(_: Box) -> Seen:
    value = _status()["Seccomp"][0]
    return fact(value == "2", f"Seccomp {value} (2: every system call is filtered)")


def _become_root(_: Box) -> Seen:
    try:
        os.setresuid(0, 0, 0)
    except PermissionError as error:
        return refused(f"setresuid(0): {error.strerror}")
    return opened("setresuid(0) worked")


def _setuid_programs(box: Box) -> Seen:
    if not box.setuid:
        return absent("the image has none")
    for program in box.setuid:
        child = subprocess.Popen(  # noqa: S603 - programs of the image, to see as whom they run
            [program, "--help"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _until_over(child.pid)
        # Until it is waited for, what has ended still shows as whom it ran.
        users = {*_status(child.pid)["Uid"], *_status(child.pid)["Gid"]}
        child.kill()
        child.wait()
        if users != {str(USER)}:
            return opened(f"{program} ran as {', '.join(sorted(users))}")
    return refused(f"{len(box.setuid)} programs, each ran as {USER}: {', '.join(box.setuid)}")


def _until_over(process: int, seconds: float = 0.2) -> None:
    """Wait until a program has ended: while it is being loaded, it still shows as whom it was started."""
    until = time.monotonic() + seconds
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, process, how) is None and time.monotonic() < until:
        time.sleep(0.005)


def _environment(_: Box) -> Seen:
    told = [name for name in os.environ if name not in _KNOWN_VARIABLES or _SECRETS.search(name)]
    return fact(not told, f"beside what is known: {', '.join(sorted(told)) or 'nothing'}")


def _environment_of_init(_: Box) -> Seen:
    try:
        raw = Path("/proc/1/environ").read_bytes()
    except OSError as error:
        return refused(f"/proc/1/environ: {error.strerror}")
    names = {part.split(b"=")[0].decode(errors="replace") for part in raw.split(b"\0") if part}
    told = sorted(name for name in names if name not in _KNOWN_VARIABLES)
    return fact(not told, f"beside what is known: {', '.join(told) or 'nothing'}")


def _host_name(_: Box) -> Seen:
    return fact(socket.gethostname() == "sandbox", f"it is called {socket.gethostname()}")


def _descriptors(_: Box) -> Seen:
    """Whatever an engine left open would lead out (CVE-2024-21626 was such a folder)."""
    led_out = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue  # the one that listed them
        if target.startswith("/") and not target.startswith(("/proc/", "/dev/null", "/tmp/")):  # noqa: S108
            led_out.append(target)
    return fact(not led_out, f"that lead to files or folders: {', '.join(led_out) or 'none'}")


CAPABILITIES = Room(
    "capabilities",
    why="each capability is a piece of root's power over the machine",
    mend="the container was not made by Airlock's policy, or the runtime adds capabilities: compare "
    "`docker inspect` with sandbox/policy.py (CapDrop ALL, SecurityOpt)",
    tries=(
        *(Try(f"the {name} set", _set_is_empty(line)) for line, name in _SETS.items()),
        Try("no new privileges", _no_new_privileges),
        Try("a filter of system calls", _filtered),
    ),
)
IDENTITY = Room(
    "identity",
    why="root inside is nearly root outside, and what an agent is told it may pass on",
    mend="User 65532:65532, no-new-privileges, Hostname and Env come from sandbox/policy.py; an engine or a "
    "runtime that changes them is not to be used",
    tries=(
        Try("user", _user),
        Try("group", _group),
        Try("further groups", _groups),
        Try("becoming root", _become_root),
        Try("setuid programs", _setuid_programs),
        Try("environment", _environment),
        Try("environment of process 1", _environment_of_init),
        Try("host name", _host_name),
        Try("descriptors that were left open", _descriptors),
    ),
)
