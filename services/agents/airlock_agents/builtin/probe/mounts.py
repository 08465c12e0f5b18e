"""Tries with devices, mounts, and the kernel's own file systems."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from .kernel import call, reached
from .tree import HARMLESS_DEVICES
from .tries import Box, Room, Seen, Try, absent, by_error, fact, opened, refused

_REMOUNT, _BIND, _RECURSIVE = 32, 4096, 16384
_LOCKS = os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC
"""Of a mount; the flags by which it is asked for have the same numbers."""
_AT_ONCE = 2  # MNT_DETACH
_IF_IDLE = 4
"""MNT_EXPIRE: the first call only marks a mount, after a look at the caller's rights."""
_HERE = -100
_NOWHERE = b"/airlock-probe-is-not-there"
_DEVICES = {
    "memory": (1, 1),
    "port": (1, 4),
    "kernel log": (1, 11),
    "disk": (8, 0),
    "vda": (254, 0),
    "fuse": (10, 229),
}
_NODES = """
    mem kmem port kmsg fuse net/tun kvm loop-control loop0 sda vda nvme0n1 mapper/control vsock vhost-net
    vhost-vsock userfaultfd cuse uinput hpet mcelog dri/card0 autofs rfkill btrfs-control
""".split()
_ENGINES_PLACES = frozenset(
    "/ /tmp /etc/resolv.conf /etc/hostname /etc/hosts /usr/sbin/docker-init /sbin/docker-init".split()
)
_KERNEL_KINDS = frozenset("proc sysfs devpts tmpfs mqueue cgroup cgroup2".split())
_READ_ONLY_KINDS = frozenset("sysfs cgroup cgroup2".split())
"""What the engine mounts so that nothing in it can be written."""
_MASKED = """
    /proc/acpi /proc/asound /proc/interrupts /proc/kallsyms /proc/kcore /proc/keys /proc/kmsg
    /proc/latency_stats /proc/pressure /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats
    /proc/kpagecount /proc/vmallocinfo /proc/slabinfo
    /sys/devices/virtual/powercap /sys/firmware /sys/kernel/debug /sys/kernel/tracing /sys/kernel/security
    /dev/mqueue
""".split()
_WRITES = """
    /proc/sysrq-trigger /proc/sys/kernel/sysrq /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe
    /proc/sys/kernel/hotplug /proc/sys/kernel/randomize_va_space /proc/sys/kernel/ns_last_pid
    /proc/sys/vm/overcommit_memory /proc/sys/vm/drop_caches /proc/sys/fs/binfmt_misc/register
    /proc/sys/net/ipv4/ip_forward /proc/irq/default_smp_affinity /proc/bus/pci
    /sys/kernel/uevent_helper /sys/power/state /sys/kernel/mm/transparent_hugepage/enabled
    /sys/module/kernel/parameters/panic
""".split()


def _only_harmless(box: Box) -> Seen:
    others = [
        path for path in box.devices if path not in HARMLESS_DEVICES and not path.startswith("/dev/pts/")
    ]
    return fact(
        not others, f"others than {len(HARMLESS_DEVICES)} harmless ones: {', '.join(others) or 'none'}"
    )


def _make_device(name: str) -> Callable[[Box], Seen]:
    def run(box: Box) -> Seen:
        path = box.scratch / f"device-{name.replace(' ', '-')}"
        kind = stat.S_IFBLK if name in ("disk", "vda") else stat.S_IFCHR
        try:
            os.mknod(path, kind | 0o600, os.makedev(*_DEVICES[name]))
        except OSError as error:
            return by_error(error, "mknod")
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        except OSError as error:
            return opened(f"mknod worked, open said {error.strerror}")
        finally:
            path.unlink()
        return opened("mknod and open worked")

    return run


def _open_device(name: str) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        try:
            os.close(os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK))
        except OSError as error:
            return by_error(error)
        return opened("it can be opened")

    return run


def _mount(kind: str, source: bytes, flags: int) -> Callable[[Box], Seen]:
    def run(box: Box) -> Seen:
        folder = box.scratch / "mount"
        folder.mkdir(exist_ok=True)
        target = os.fsencode(folder) if not flags & _REMOUNT else source
        before = os.statvfs(target).f_flag & _LOCKS
        try:
            call("mount", source, target, kind.encode(), flags, None)
        except OSError as error:
            return by_error(error)
        if flags & _REMOUNT:
            call("mount", source, target, kind.encode(), flags | before, None)
        else:
            call("umount2", target, _AT_ONCE)
        return opened("it worked, and was undone")

    return run


def _chroot(box: Box) -> Seen:
    return reached("chroot", os.fsencode(box.scratch))


def _nothing_of_the_hosts(_box: Box) -> Seen:
    """Every mount is one that the engine makes for each container."""
    strange = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        place, kind = before.split()[4], after.split()[0]
        options = {*before.split()[5].split(","), *after.split()[2].split(",")}
        if not _is_the_engines(place, kind):
            strange.append(f"{place} ({kind})")
        elif kind in _READ_ONLY_KINDS and "ro" not in options:
            strange.append(f"{place} ({kind}, to be written)")
    return fact(not strange, f"beside what every container has: {', '.join(strange) or 'nothing'}")


def _is_the_engines(place: str, kind: str) -> bool:
    if place in _ENGINES_PLACES:
        return True
    return kind in _KERNEL_KINDS and place.startswith(("/proc", "/sys", "/dev"))


def _look(path: str) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        place = Path(path)
        try:
            shown = os.listdir(place) if place.is_dir() else _first_bytes(path)
        except OSError as error:
            return by_error(error)
        if (
            shown
            and path == "/proc/kallsyms"
            and not any(int(line.split()[0], 16) for line in str(shown).splitlines()[:-1])
        ):
            return refused("every address in it is 0")
        return fact(not shown, "it shows something" if shown else "it is empty")

    return run


def thermal_interrupts(processors: Path) -> Seen:
    """Look at how often each processor ran hot, which tells what others compute on it."""
    folders = sorted(processors.glob("cpu*/thermal_throttle"))
    shown = [folder.parent.name for folder in folders if os.listdir(folder)]
    if not folders:
        return absent("this machine does not count them")
    return fact(not shown, f"it shows those of {shown[0]}" if shown else "they are empty")


def _first_bytes(path: str) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(handle, 4096).decode(errors="replace")
    finally:
        os.close(handle)


def _open_for_writing(path: str) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except IsADirectoryError:
            writable = os.access(path, os.W_OK)
            return opened("the folder can be written") if writable else refused("a folder, not to be written")
        except OSError as error:
            return by_error(error)
        return opened("it can be opened for writing")

    return run


def _control_groups(_box: Box) -> Seen:
    """release_agent is a program of the host's, run as root; cgroup.procs a way out of the limits."""
    tried = 0
    for folder, _, files in os.walk("/sys/fs/cgroup"):
        if os.access(folder, os.W_OK):
            return opened(f"{folder} can be written")
        for name in {"release_agent", "cgroup.procs", "notify_on_release", "devices.allow"} & set(files):
            tried += 1
            try:
                os.close(os.open(f"{folder}/{name}", os.O_WRONLY))
            except OSError:
                continue
            return opened(f"{folder}/{name} can be written")
    return refused(f"{tried} files of control groups") if tried else absent("no control groups are shown")


DEVICES = Room(
    "devices",
    why="a device is the hardware or the kernel itself: memory, disks, other machines' screens",
    mend="no Devices, DeviceRequests or Privileged; CapDrop ALL; on cgroup v1 the devices controller must be "
    "mounted on the host",
    tries=(
        Try("devices there are", _only_harmless),
        *(Try(f"making a device: {name}", _make_device(name)) for name in _DEVICES),
        *(Try(f"/dev/{name}", _open_device(name)) for name in _NODES),
    ),
)
MOUNTS = Room(
    "mounts",
    why="who can mount can undo every other lock of the file system",
    mend="CapDrop ALL, Airlock's seccomp profile, no Binds or Mounts: compare `docker inspect` with "
    "sandbox/policy.py",
    tries=(
        Try("what is mounted", _nothing_of_the_hosts),
        Try("a file system in memory", _mount("tmpfs", b"tmpfs", 0)),
        Try("another /proc", _mount("proc", b"proc", 0)),
        Try("another /sys", _mount("sysfs", b"sysfs", 0)),
        Try("control groups", _mount("cgroup", b"cgroup", 0)),
        Try("control groups, version 2", _mount("cgroup2", b"cgroup2", 0)),
        Try("binding / elsewhere", _mount("none", b"/", _BIND | _RECURSIVE)),
        Try("remounting / to be written", _mount("none", b"/", _REMOUNT | _BIND)),
        Try("remounting scratch to be executed", _mount("none", b"/tmp", _REMOUNT | _BIND)),
        Try("remounting /proc/sys to be written", _mount("none", b"/proc/sys", _REMOUNT | _BIND)),
        Try("umount of what the engine put there", lambda _: reached("umount2", b"/etc/hostname", _IF_IDLE)),
        Try("pivot_root", lambda _: reached("pivot_root", _NOWHERE, _NOWHERE)),
        Try("chroot", _chroot),
        Try("fsopen", lambda _: reached("fsopen", b"tmpfs", 0)),
        Try("fspick", lambda _: reached("fspick", _HERE, b"/", 0)),
        Try("open_tree", lambda _: reached("open_tree", _HERE, b"/", 1)),
        Try("move_mount", lambda _: reached("move_mount", -1, b"", -1, b"", 0)),
        Try("mount_setattr", lambda _: reached("mount_setattr", -1, b"", 0, None, 0)),
        Try("listmount", lambda _: reached("listmount", None, None, 0, 0)),
        Try("statmount", lambda _: reached("statmount", None, None, 0, 0)),
    ),
)
KERNEL_FILES = Room(
    "the kernel's files",
    why="some of them run a program as root on the host, stop the machine, or show where secrets lie",
    mend="MaskedPaths and ReadonlyPaths of the container must be set and honoured; Privileged and "
    "`--security-opt systempaths=unconfined` undo them",
    tries=(
        *(Try(f"looking into {path}", _look(path)) for path in _MASKED),
        Try("looking at thermal interrupts", lambda _: thermal_interrupts(Path("/sys/devices/system/cpu"))),
        *(Try(f"writing {path}", _open_for_writing(path)) for path in _WRITES),
        Try("writing control groups", _control_groups),
    ),
)
