"""Tries with other processes and other namespaces."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

from .kernel import call, number, reached
from .tries import REFUSALS, Box, Room, Seen, Try, absent, by_error, fact, opened, refused, spelled

_FLAGS = {
    "mount": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
_TIME = 0x80
"""CLONE_NEWTIME: of unshare and clone3 alone, clone means a signal by that bit."""
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
_SEIZE = 0x4206
_GONE = frozenset({errno.ESRCH, errno.ENOENT})
"""It has ended meanwhile, or is a thread of the kernel's, which has nothing of the kind."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def _strangers() -> list[int]:
    """Processes that are none of the sandbox's own: of another user, namespace or control group.

    A container is a control group, so that also root finds who else is there among root's own processes.
    """
    found = []
    ours = Path("/proc/self/cgroup").read_text() if os.path.exists("/proc/self/cgroup") else ""
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            owner = os.stat(f"/proc/{name}").st_uid
            status = Path(f"/proc/{name}/status").read_text()
            group = Path(f"/proc/{name}/cgroup").read_text() if ours else ""
        except OSError:
            continue  # it has ended meanwhile
        innermost = status.partition("NSpid:")[2].splitlines()[0].split()
        # A process whose number here is not its number in its own namespace is of another namespace.
        if owner != os.getuid() or len(innermost) > 1 or group != ours:
            found.append(int(name))
    return found


def _seen(_: Box) -> Seen:
    strangers = _strangers()
    return fact(not strangers, f"processes of others: {strangers[:5] or 'none'}")


def _first(_: Box) -> Seen:
    command = Path("/proc/1/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    ours = 1 not in _strangers()
    said = f"process 1 is {command} of user {os.stat('/proc/1').st_uid}"
    return fact(ours, said if ours else f"{said}, and none of ours")


def _on_others(name: str, act: Callable[[int], None]) -> Try:
    def run(_: Box) -> Seen:
        strangers = _strangers()
        if not strangers:
            return absent("there is no other process to be seen")
        refusals = []
        for process in strangers[:50]:
            try:
                act(process)
            except OSError as error:
                seen = by_error(error, f"process {process}")
                if error.errno in REFUSALS:
                    refusals.append(seen.saw)
                elif error.errno not in _GONE and not seen.verdict.holds:
                    return seen
                continue
            return opened(f"process {process}: it worked")
        if not refusals:
            return absent(f"of {len(strangers)} processes none has anything of the kind")
        return refused(f"{len(strangers)} processes; {refusals[-1]}")

    return Try(name, run)


def _trace(process: int) -> None:
    # It is not stopped, and is let go as soon as the process that makes this try ends, which is at once:
    # to let go by a call it would have to be stopped first.
    call("ptrace", _SEIZE, process, None, None)


def _read_memory(process: int) -> None:
    os.close(os.open(f"/proc/{process}/mem", os.O_RDONLY))


def _read_root(process: int) -> None:
    os.listdir(f"/proc/{process}/root/")


def _read_environment(process: int) -> None:
    if not Path(f"/proc/{process}/environ").read_bytes():
        raise OSError(errno.ENOENT, "empty")


def _call_memory(process: int) -> None:
    """Read at a place where it has nothing: EFAULT comes after the look at the caller's rights."""
    target = ctypes.create_string_buffer(8)
    vector = (ctypes.c_ulong * 2)(ctypes.addressof(target), 8)
    call("process_vm_readv", process, vector, 1, vector, 1, 0)


def _unshare(flag: int) -> Callable[[Box], Seen]:
    return lambda _: reached("unshare", flag)


def _clone(flag: int) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        ctypes.set_errno(0)
        child = int(
            _LIBC.syscall(ctypes.c_long(number("clone")), ctypes.c_long(flag | signal.SIGCHLD), 0, 0, 0, 0)
        )
        if child == 0:
            os._exit(0)
        if child > 0:
            os.waitpid(child, 0)
            return opened("a process was made in it")
        return _refusal(ctypes.get_errno())

    return run


def _clone3(_: Box) -> Seen:
    arguments = (ctypes.c_uint64 * 8)(_FLAGS["user"], 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    ctypes.set_errno(0)
    child = int(_LIBC.syscall(ctypes.c_long(number("clone3")), arguments, ctypes.c_long(64)))
    if child == 0:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
        return opened("a process was made in it")
    if ctypes.get_errno() == errno.ENOSYS:
        return refused("ENOSYS, as if there were no such call")
    return _refusal(ctypes.get_errno())


def _refusal(code: int) -> Seen:
    return refused(spelled(code)) if code in REFUSALS else by_error(OSError(code, ""))


def _enter(name: str) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        try:
            handle = os.open(f"/proc/1/ns/{name}", os.O_RDONLY)
        except OSError as error:
            return by_error(error, "open")
        try:
            return reached("setns", handle, 0)
        finally:
            os.close(handle)

    return run


def _own_numbers(_: Box) -> Seen:
    """A pid namespace of its own: then its process 1 is one of the box's own."""
    mine = os.readlink("/proc/self/ns/pid")
    try:
        first = os.readlink("/proc/1/ns/pid")
    except OSError as error:
        return opened(f"process 1 is not to be looked at ({error.strerror}): it is none of ours")
    own = mine == first and 1 not in _strangers()
    return fact(own, f"ours {mine}, that of process 1 {first}{'' if own else ', which is none of ours'}")


PROCESSES = Room(
    "processes",
    why="another process is another agent's secrets, or the host's",
    mend="PidMode must be empty (a namespace of its own), User 65532, CapDrop ALL; Airlock's seccomp profile",
    tries=(
        Try("process 1", _first),
        Try("a namespace of processes", _own_numbers),
        Try("others that can be seen", _seen),
        _on_others("signalling others", lambda process: os.kill(process, 0)),
        _on_others("tracing others", _trace),
        _on_others("others' memory, by file", _read_memory),
        _on_others("others' memory, by call", _call_memory),
        _on_others("others' root folder", _read_root),
        _on_others("others' environment", _read_environment),
    ),
)
NAMESPACES = Room(
    "namespaces",
    why="whoever makes a namespace is root in it, and reaches parts of the kernel that only root should",
    mend="Airlock's seccomp profile must be applied; as a second lock: sysctl user.max_user_namespaces=0 or "
    "kernel.unprivileged_userns_clone=0 on a host that needs none",
    tries=(
        *(Try(f"unshare {name}", _unshare(flag)) for name, flag in (_FLAGS | {"time": _TIME}).items()),
        *(Try(f"clone {name}", _clone(flag)) for name, flag in _FLAGS.items()),
        Try("clone3 user", _clone3),
        *(Try(f"setns {name}", _enter(name)) for name in _NAMESPACES),
    ),
)
