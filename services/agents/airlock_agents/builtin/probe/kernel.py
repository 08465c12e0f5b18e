"""System calls by number, and what came of one: for calls that Python has no function for."""

from __future__ import annotations

import ctypes
import errno
import platform

from .tries import REFUSALS, Seen, Verdict, absent, refused, spelled

_LIBC = ctypes.CDLL(None, use_errno=True)

# name: (x86_64, aarch64), from the kernel's unistd headers. None: no such call there.
_NUMBERS: dict[str, tuple[int | None, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "cachestat": (451, 451),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "get_mempolicy": (239, 236),
    "init_module": (175, 105),
    "io_setup": (206, 0),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "listmount": (458, 458),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mknodat": (259, 33),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "remap_file_pages": (216, 234),
    "request_key": (249, 218),
    "semget": (64, 190),
    "set_mempolicy": (238, 237),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "statmount": (457, 457),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
    # Of x86 alone: aarch64 has never had them.
    "ioperm": (173, -1),
    "iopl": (172, -1),
    "modify_ldt": (154, -1),
    "sysfs": (139, -1),
    "uselib": (134, -1),
    "ustat": (136, -1),
}
X86_64 = platform.machine() == "x86_64"


def number(name: str) -> int:
    """A call's number on this machine; -1, which no call has, where there is none."""
    x86, arm = _NUMBERS[name]
    found = x86 if X86_64 else arm if platform.machine() == "aarch64" else None
    return -1 if found is None else found


def call(name: str, *arguments: object) -> int:
    """Make a system call; answers what it answers. Raises OSError."""
    ctypes.set_errno(0)
    passed = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    answer = int(_LIBC.syscall(ctypes.c_long(number(name)), *passed))
    if answer == -1:
        raise OSError(ctypes.get_errno(), f"{name}: {spelled(ctypes.get_errno())}")
    return answer


def reached(name: str, *arguments: object) -> Seen:
    """Make a call that should never reach the kernel's own code.

    The profile answers EPERM, the kernel ENOSYS for what it does not have. Any other answer, an error too,
    is the call's own: it was reached.
    """
    try:
        answer = call(name, *arguments)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            return absent("ENOSYS: no such call here")
        if error.errno in REFUSALS:
            return refused(spelled(error.errno))
        return Seen(Verdict.OPEN, f"{spelled(error.errno)}: the call reached the kernel")
    return Seen(Verdict.OPEN, f"it answered {answer}")
