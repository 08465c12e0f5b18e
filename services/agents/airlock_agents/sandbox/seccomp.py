"""The seccomp profile of every sandbox: what is not allowed is refused. Pure.

In the form that Docker Engine 20.10.10 and newer take as JSON text
(https://docs.docker.com/engine/security/seccomp/). What a filter sees are numbers in registers, 64 bits each:
a rule that allows compares them whole, so unknown upper bits are refused and never pass.
"""

import errno
import json
from typing import Any

from .seccomp_calls import ALLOWED, names

_ANY_PERSONALITY = 0xFFFFFFFF
"""Asks, and changes nothing."""
_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (sched.h)."""
_FILE_TYPE = 0o170000
_HARMLESS_FILES = {"regular": 0o100000, "of no type, so regular": 0, "FIFO": 0o010000, "socket": 0o140000}
_NOEXEC_SEAL = 0x8
"""MFD_NOEXEC_SEAL: memory that can never be made executable as a file (Linux 6.3)."""
_UNIX, _INTERNET = 1, (2, 10)
_SOCKET_TYPE = 0xF
_STREAM, _DATAGRAM = 1, 2
_TRANSPORTS = ((_STREAM, 0), (_STREAM, 6), (_DATAGRAM, 0), (_DATAGRAM, 17))
"""TCP and UDP, also by number: no raw socket, no ping, no SCTP, DCCP, MPTCP or SMC."""

Rule = dict[str, Any]


def profile() -> dict[str, Any]:
    """Answer the whole profile, as the engine reads it."""
    return {
        # EPERM: programs know it, and say which call it was.
        "defaultAction": "SCMP_ACT_ERRNO",
        # The machine's own calls alone: a 32-bit or x32 call would be another table, and ends the process.
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": [
            _allow(*names(ALLOWED)),
            *_processes(),
            *_files(),
            *_sockets(),
        ],
    }


def profile_json() -> str:
    """Answer the profile as text: what `SecurityOpt` takes after `seccomp=`."""
    return json.dumps(profile(), separators=(",", ":"), sort_keys=True)


def _processes() -> list[Rule]:
    return [
        _allow("clone", where=[_masked(0, _NAMESPACES, 0)]),
        # Its flags lie in memory, where no filter can look. libc then uses clone, which has been looked at.
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
        _allow("personality", where=[_equal(0, 0)]),
        _allow("personality", where=[_equal(0, _ANY_PERSONALITY)]),
    ]


def _files() -> list[Rule]:
    made = [
        _allow(call, where=[_masked(argument, _FILE_TYPE, kind)])
        for call, argument in (("mknod", 1), ("mknodat", 2))
        for kind in _HARMLESS_FILES.values()
    ]
    # A file in memory is a scratch that nobody mounted noexec: only with the seal that makes it so.
    return [*made, _allow("memfd_create", where=[_masked(1, _NOEXEC_SEAL, _NOEXEC_SEAL)])]


def _sockets() -> list[Rule]:
    internet = [
        _allow("socket", where=[_equal(0, family), _masked(1, _SOCKET_TYPE, kind), _equal(2, protocol)])
        for family in _INTERNET
        for kind, protocol in _TRANSPORTS
    ]
    local = [_allow(call, where=[_equal(0, _UNIX)]) for call in ("socket", "socketpair")]
    return [*local, *internet]


def _allow(*calls: str, where: list[Rule] | None = None) -> Rule:
    return {"names": list(calls), "action": "SCMP_ACT_ALLOW"} | ({"args": where} if where else {})


def _equal(index: int, value: int) -> Rule:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def _masked(index: int, mask: int, value: int) -> Rule:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
