"""Tries with system calls that no agent needs. Their arguments do no harm, whoever is allowed to make them.

Where a call could change the machine for someone with every right, its arguments are ones that the kernel
refuses after it has looked at the caller's rights: a wrong magic number, a name that is not there.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Callable

from .kernel import X86_64, call, reached
from .tries import Box, Room, Seen, Try, absent, by_error, opened

_NOWHERE = b"/airlock-probe-is-not-there"
_HERE = -100
"""AT_FDCWD."""
_KEY_SESSION, _KEY_PROCESS = -3, -2
_ODD_PERSONALITIES = {"ADDR_NO_RANDOMIZE": 0x40000, "READ_IMPLIES_EXEC": 0x400000, "PER_LINUX32": 0x8}


def _zeros(size: int = 512) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(size)


def _own_memory(name: str) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        source, target = _zeros(8), _zeros(8)
        vectors = [(ctypes.c_ulong * 2)(ctypes.addressof(one), 8) for one in (source, target)]
        return reached(name, os.getpid(), vectors[1], 1, vectors[0], 1, 0)

    return run


def _perf(_: Box) -> Seen:
    # type software, size 64, config dummy; disabled, without kernel and hypervisor: the least there is.
    filled = struct.pack("<IIQ24xQ", 1, 64, 9, 0b1100001)
    attributes = ctypes.create_string_buffer(filled, 128)
    return reached("perf_event_open", attributes, 0, -1, -1, 0)


def _tick(name: str, *before: int) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        adjust_tick = struct.pack("<I", 0x4000)  # to a length of 0, which is never valid
        wanted = ctypes.create_string_buffer(adjust_tick, 256)
        return reached(name, *before, wanted)

    return run


def _own_descriptor(_: Box) -> Seen:
    return reached("pidfd_getfd", os.pidfd_open(os.getpid()), 0, 0)


def _machine_code(code: bytes, returned: str) -> Seen:
    """Run a few bytes of machine code; whoever refuses them ends the process."""
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except PermissionError as error:
        return by_error(error, "no memory can be made executable")
    with page:
        page.write(code)
        place = (ctypes.c_char * mmap.PAGESIZE).from_buffer(page)
        answer = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(place))()
        del place
    if answer < 0:
        return absent(f"{returned} answered {os.strerror(-answer)}")
    return opened(f"{returned} answered {answer}")


def _in_32_bits(_: Box) -> Seen:
    if not X86_64:
        return absent("this processor has no such call from a 64-bit process")
    # mov eax, 20 (getpid); int 0x80; ret
    return _machine_code(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3", "getpid by int 0x80")


def _in_x32(_: Box) -> Seen:
    if not X86_64:
        return absent("this processor has no x32")
    # mov eax, 0x40000027 (getpid of x32); syscall; movsxd rax, eax; ret
    return _machine_code(b"\xb8\x27\x00\x00\x40\x0f\x05\x48\x63\xc0\xc3", "getpid of x32")


def _calls() -> tuple[Try, ...]:
    def plain(name: str, *arguments: object) -> Try:
        return Try(name, lambda _: reached(name, *arguments))

    magic = 0x0BADBAD
    return (
        plain("io_uring_setup", 1, _zeros()),
        plain("io_uring_enter", -1, 0, 0, 0, None, 0),
        plain("io_uring_register", -1, 0, None, 0),
        plain("bpf", 0, _zeros(), 16),
        plain("userfaultfd", 1),
        Try("perf_event_open", _perf),
        plain("keyctl", 0, _KEY_SESSION, 0),
        plain("add_key", b"user", b"airlock-probe", b"x", 1, _KEY_PROCESS),
        plain("request_key", b"user", b"airlock-probe", None, 0),
        plain("ptrace", 0, 0, None, None),
        plain("kcmp", os.getpid(), os.getpid(), 0, 0, 0),
        Try("process_vm_readv", _own_memory("process_vm_readv")),
        Try("process_vm_writev", _own_memory("process_vm_writev")),
        plain("process_madvise", -1, None, 0, 0, 0),
        plain("process_mrelease", -1, 0),
        Try("pidfd_getfd", _own_descriptor),
        plain("name_to_handle_at", _HERE, b"/", _zeros(), _zeros(8), 0),
        plain("open_by_handle_at", _HERE, b"\x08\0\0\0\x01\0\0\0" + bytes(8), 0),
        plain("fanotify_init", 0x200, 0),
        plain("init_module", None, 0, b""),
        plain("finit_module", -1, b"", 0),
        plain("delete_module", b"airlock-probe", os.O_NONBLOCK),
        plain("kexec_load", 0, 17, None, 0),
        plain("kexec_file_load", -1, -1, 0, None, 0xFFFFFFF),
        plain("reboot", magic, magic, magic, None),
        plain("swapon", _NOWHERE, 0),
        plain("swapoff", _NOWHERE),
        plain("acct", _NOWHERE),
        plain("quotactl", 0x7FFFFF00, None, 0, None),
        plain("quotactl_fd", -1, 0x7FFFFF00, 0, None),
        plain("nfsservctl", 0, None, None),
        plain("lookup_dcookie", 0, None, 0),
        plain("syslog", 10, None, 0),
        plain("vhangup"),
        plain("sethostname", None, -1),
        plain("setdomainname", None, -1),
        plain("settimeofday", None, None),
        plain("clock_settime", 0, None),
        Try("adjtimex", _tick("adjtimex")),
        Try("clock_adjtime", _tick("clock_adjtime", 0)),
        plain("memfd_secret", 0),
        plain("mbind", None, 0, 0, None, 0, 0),
        plain("get_mempolicy", None, None, 0, None, 0),
        plain("set_mempolicy", 0, None, 0),
        plain("move_pages", 0, 0, None, None, None, 0),
        plain("migrate_pages", 0, 0, None, None),
        plain("remap_file_pages", None, 0, 0, 0, 0),
        plain("cachestat", -1, None, None, 0),
        plain("vmsplice", -1, None, 0, 0),
        plain("io_setup", 1, _zeros(8)),
        plain("mq_open", b"airlock-probe-is-not-there", os.O_RDWR, 0, None),
        plain("shmget", 0, 0, 0),
        plain("semget", 0, -1, 0),
        plain("msgget", 0x0A1B2C3D, 0),
        plain("iopl", 0),
        plain("ioperm", 0, 0, 0),
        plain("modify_ldt", 0, _zeros(), 16),
        plain("uselib", None),
        plain("ustat", 0, _zeros()),
        plain("sysfs", 3),
    )


def _personality(bits: int) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        seen = reached("personality", bits)
        if seen.verdict.holds:
            call("personality", 0xFFFFFFFF)  # asking is allowed, or else more is broken than it should be
        return seen

    return run


SYSTEM_CALLS = Room(
    "system calls",
    why="parts of the kernel that no agent needs, many with a history of holes",
    mend="the engine must apply Airlock's seccomp profile: `docker info` must list seccomp under Security "
    "Options; Docker 20.10.10 or newer; a runtime that ignores profiles is no runtime for agents",
    tries=(
        *_calls(),
        *(Try(f"personality {name}", _personality(bits)) for name, bits in _ODD_PERSONALITIES.items()),
        Try("32-bit calls", _in_32_bits),
        Try("x32 calls", _in_x32),
    ),
)
