"""Run inside a container without locks, before the probe: makes there what an engine would never give.

Everything happens in the container's own namespaces: its mounts, its network and its /dev vanish with it, and
what is sent goes to an interface behind which nobody is. Then this program becomes the one that it is given.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import stat
import struct
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
FOLDERS = """
    /proc/acpi /proc/scsi /proc/sys/fs/binfmt_misc /sys/devices/virtual/powercap /sys/firmware
    /sys/kernel/debug /sys/kernel/security /sys/kernel/tracing
""".split()
"""Empty on many machines; where there is one, something is put into it."""
SYS_FOLDERS = ("kernel", "power", "module")
REMOUNT, BIND = 32, 4096
TUNSETIFF, TUN_NO_PI = 0x400454CA, 0x1001
SIOCSIFADDR, SIOCSIFFLAGS, SIOCADDRT, SIOCGIFINDEX = 0x8916, 0x8914, 0x890B, 0x8933
UP = 0x1
NAME = b"out0"
PR_CAP_AMBIENT, RAISE = 47, 2


def mount(source: str, target: str, kind: str, flags: int = 0) -> None:
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None):
        raise OSError(ctypes.get_errno(), f"mount {target}")


def make_devices(names: list[str]) -> None:
    for name in names:
        path = Path("/dev", name)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # /dev/null by another name


def show_the_kernels_files() -> None:
    """A /sys that can be written, and something to be seen in what is empty on many machines."""
    fresh = "/srv/sys"
    os.makedirs(fresh)
    mount("sysfs", fresh, "sysfs")
    mount("sysfs", fresh, "sysfs", REMOUNT)  # of this network namespace alone, and until now read-only
    for name in SYS_FOLDERS:
        mount(f"{fresh}/{name}", f"/sys/{name}", "", BIND)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split()[4]
        if place.startswith("/sys/fs/cgroup"):
            mount("", place, "", REMOUNT | BIND)
    for folder in FOLDERS:
        if os.path.isdir(folder):
            mount("tmpfs", folder, "tmpfs")
            for name in ("shown", "register"):  # the second is what binfmt_misc has
                Path(folder, name).write_text("x")
    mount("tmpfs", "/sys/devices/system/cpu", "tmpfs")
    throttle = Path("/sys/devices/system/cpu/cpu0/thermal_throttle")
    throttle.mkdir(parents=True)
    (throttle / "core_throttle_count").write_text("7")
    os.close(os.open("/dev/mqueue/shown", os.O_CREAT | os.O_RDWR, 0o600))


def listen(paths: list[str]) -> None:
    """Sockets on which somebody listens; they stay open, as their descriptors outlive this program."""
    for address in [*paths, "\0airlock-abstract"]:
        if address.startswith("/"):
            os.makedirs(os.path.dirname(address), exist_ok=True)
        if address.startswith("/") and os.path.lexists(address):
            continue  # by another way to the same place
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(address)
            made.listen()
            keep(made.fileno())
    with socket.create_server(("127.0.0.1", 0)) as made:
        keep(made.fileno())


def keep(descriptor: int) -> None:
    """Leave a second descriptor open for the program that this one becomes."""
    os.set_inheritable(os.dup(descriptor), True)


def lead_out() -> None:
    """A network with a way to everywhere, at whose other end is nobody."""
    os.makedirs("/dev/net", exist_ok=True)
    tun = "/dev/net/real-tun"
    os.mknod(tun, stat.S_IFCHR | 0o600, os.makedev(10, 200))
    descriptor = os.open(tun, os.O_RDWR)
    os.unlink(tun)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", NAME, TUN_NO_PI))
    keep(descriptor)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four:
        ours = struct.pack("=H2s4s8x", socket.AF_INET, b"", socket.inet_aton("192.0.2.1"))
        fcntl.ioctl(four, SIOCSIFADDR, struct.pack("16s16s8x", NAME, ours))
        fcntl.ioctl(four, SIOCSIFFLAGS, struct.pack("16sH22x", NAME, UP))
        index = struct.unpack("16si", fcntl.ioctl(four, SIOCGIFINDEX, struct.pack("16si", NAME, 0)))[1]
        everywhere = struct.pack("=H14x", socket.AF_INET)
        name = ctypes.create_string_buffer(NAME)
        # struct rtentry (route(7)): destination, gateway, netmask; flags: up.
        route = struct.pack(
            "Q16s16s16sHhLPhPLLH",
            *(0, everywhere, everywhere, everywhere, UP, 0, 0, 0, 0, ctypes.addressof(name), 0, 0, 0),
        )
        fcntl.ioctl(four, SIOCADDRT, route)
    if not os.path.exists("/proc/sys/net/ipv6"):
        return
    for switch in ("all", "default", "out0"):
        Path(f"/proc/sys/net/ipv6/conf/{switch}/disable_ipv6").write_text("0")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        address = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
        fcntl.ioctl(six, SIOCSIFADDR, struct.pack("=16sIi", address, 64, index))
        route = struct.pack("@16s16s16sIHHILIi", bytes(16), bytes(16), bytes(16), 0, 0, 0, 1, 0, UP, index)
        fcntl.ioctl(six, SIOCADDRT, route)


def raise_capabilities() -> None:
    """Fill the two sets that engines leave empty: the inheritable and, from it, the ambient one."""
    header = struct.pack("=Ii", 0x20080522, 0)
    data = ctypes.create_string_buffer(24)
    if LIBC.capget(header, data):
        raise OSError(ctypes.get_errno(), "capget")
    words = list(struct.unpack("=6I", data.raw))
    words[2], words[5] = words[1], words[4]
    if LIBC.capset(header, ctypes.create_string_buffer(struct.pack("=6I", *words), 24)):
        raise OSError(ctypes.get_errno(), "capset")
    for number in range(64):
        if words[1 if number < 32 else 4] >> number % 32 & 1:
            LIBC.prctl(PR_CAP_AMBIENT, RAISE, ctypes.c_ulong(number), 0, 0)


def main(devices: list[str], sockets: list[str], command: list[str]) -> None:
    show_the_kernels_files()
    lead_out()
    make_devices(devices)
    listen(sockets)
    keep(os.open("/etc", os.O_RDONLY))
    raise_capabilities()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1].split(), sys.argv[2].split(), sys.argv[3:])
