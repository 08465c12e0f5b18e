"""The probe where nothing is locked: every try is found open, but for what this very machine does not have.

A try that cannot be open anywhere (a number that no call has, a path that no kernel has) would count as
held for ever. So whatever still holds in a box without locks is named here, with its reason, and not by the
probe's own spelling. Nothing of the machine is at stake: the box has namespaces of its own, but for the
processes, which it shares with a container that is there for that; its devices are /dev/null, and its network
leads to nobody.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from airlock_agents.builtin.probe import network
from airlock_agents.builtin.probe.kernel import number
from docker.models.containers import Container

from .weakened import Look, as_root, host_config

OPENED_DOORS = (Path(__file__).parent / "opened_doors.py").read_text()
DEVICES = """
    mem kmem port kmsg fuse net/tun kvm loop-control loop0 sda vda nvme0n1 mapper/control vsock vhost-net
    vhost-vsock userfaultfd cuse uinput hpet mcelog dri/card0 autofs rfkill btrfs-control
"""
SOCKETS = """
    /run/docker.sock /var/run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock
    /run/crio/crio.sock /run/buildkit/buildkitd.sock /run/dbus/system_bus_socket /run/systemd/private
    /run/systemd/journal/socket /run/snapd.socket
"""
# In the order of their numbers (capabilities(7)), as far as an engine of version 20.10 knows them.
CAPABILITIES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
    SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
    AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
""".split()

# What a kernel may be built without, or has no longer.
SEEN = """
    /proc/acpi /proc/asound /proc/interrupts /proc/kallsyms /proc/kcore /proc/keys /proc/kmsg
    /proc/kpagecount /proc/latency_stats /proc/pressure /proc/sched_debug /proc/scsi /proc/slabinfo
    /proc/timer_list /proc/timer_stats /proc/vmallocinfo /sys/devices/virtual/powercap /sys/firmware
    /sys/kernel/debug /sys/kernel/security /sys/kernel/tracing
""".split()
WRITTEN = """
    /proc/bus/pci /proc/sys/fs/binfmt_misc /proc/sys/kernel/hotplug /proc/sys/kernel/modprobe
    /proc/sys/kernel/ns_last_pid /proc/sys/kernel/sysrq /proc/sysrq-trigger
    /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/uevent_helper /sys/power/state
""".split()
FAMILIES = {
    "AF_ALG": (socket.AF_ALG, socket.SOCK_SEQPACKET, 0),
    "AF_AX25": (3, socket.SOCK_DGRAM, 0),
    "AF_BLUETOOTH": (31, socket.SOCK_RAW, 1),
    "AF_CAN": (socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW),
    "AF_KEY": (15, socket.SOCK_RAW, 2),
    "AF_NFC": (39, socket.SOCK_SEQPACKET, 0),
    "AF_QIPCRTR": (socket.AF_QIPCRTR, socket.SOCK_DGRAM, 0),
    "AF_RDS": (socket.AF_RDS, socket.SOCK_SEQPACKET, 0),
    "AF_SMC": (43, socket.SOCK_STREAM, 0),
    "AF_TIPC": (socket.AF_TIPC, socket.SOCK_DGRAM, 0),
    "AF_VSOCK": (socket.AF_VSOCK, socket.SOCK_STREAM, 0),
    "AF_XDP": (44, socket.SOCK_RAW, 0),
    "MPTCP": (socket.AF_INET, socket.SOCK_STREAM, 262),
    "SCTP": (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP),
    "UDP-Lite": (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDPLITE),
}
CALLS = {
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "init_module": (175, 105),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "lookup_dcookie": (212, 18),
    "memfd_secret": (447, 447),
    "nfsservctl": (180, 42),
    "process_mrelease": (448, 448),
    "cachestat": (451, 451),
    "listmount": (458, 458),
    "statmount": (457, 457),
    "quotactl_fd": (443, 443),
    # Of x86 alone.
    "ioperm": (173, -1),
    "iopl": (172, -1),
    "modify_ldt": (154, -1),
    "sysfs": (139, -1),
    "uselib": (134, -1),
    "ustat": (136, -1),
}
IPV6 = ("IPv6, TCP", "IPv6, UDP", "a cloud's metadata, IPv6", "raw socket, IPv6")
X86 = platform.machine() == "x86_64"
X32_GETPID = 0x40000000 + 39


def engines_capabilities() -> list[str]:
    """All that an engine of this machine can give: what it lacks itself it cannot."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    bounding = int(lines["CapBnd"], 16)
    return [name for number, name in enumerate(CAPABILITIES) if bounding >> number & 1]


def is_no_call(number: int) -> bool:
    ctypes.set_errno(0)
    answer = ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
    return answer == -1 and ctypes.get_errno() == errno.ENOSYS


def is_no_family(family: int, kind: int, protocol: int) -> bool:
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        return error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT)
    return False


def still_held() -> dict[str, str]:
    """What holds on this machine though nothing is locked, and why."""
    held = {f"looking into {path}": "not on this kernel" for path in SEEN if not os.path.lexists(path)}
    held |= {
        f"writing {path}{'/register' if path.endswith('binfmt_misc') else ''}": "not on this kernel"
        for path in WRITTEN
        if not os.path.lexists(path)
    }
    held |= {name: "no such family on this kernel" for name, how in FAMILIES.items() if is_no_family(*how)}
    held |= {
        name: "no such call on this kernel"
        for name, both in CALLS.items()
        if is_no_call(both[0 if X86 else 1])
    }
    if not os.path.exists("/proc/sys/net/ipv6"):
        held |= dict.fromkeys(IPV6, "this kernel has no IPv6")
    if not X86 or is_no_call(X32_GETPID):
        held["x32 calls"] = "this kernel has no x32"
    if not X86:
        held["32-bit calls"] = "not from a 64-bit process of this processor"
    if "SYS_RESOURCE" not in engines_capabilities():
        names = ("memory that cannot be swapped", "raising the limit of open files")
        held |= dict.fromkeys((*names, "being spared when memory is short"), "the engine lacks SYS_RESOURCE")
    if os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):
        held["real-time priority"] = "a control group of this kernel has no real-time share of its own"
    return held


def test_what_this_machine_may_not_have_is_spelled_as_here() -> None:
    assert {name: number(name) for name in CALLS} == {
        name: both[0 if X86 else 1] for name, both in CALLS.items()
    }
    known = network.FAMILIES | network.PROTOCOLS
    assert {name: known[name] for name in FAMILIES} == FAMILIES


@pytest.fixture
def neighbour(docker_engine: docker.DockerClient, probe_image: str, install_id: str) -> Iterator[Container]:
    """Somebody else, whose processes may be looked at and whose namespaces may be entered."""
    container = docker_engine.containers.run(
        probe_image,
        entrypoint=["sleep", "300"],
        command=[],
        user="0",
        environment={"NEIGHBOURS_WORD": "x"},
        network_mode="none",
        labels={"airlock.install": install_id},
        detach=True,
    )
    yield container
    container.remove(force=True)


async def test_where_memory_has_no_limit_all_that_was_asked_for_is_had(look: Look) -> None:
    taken = await look(host_config(Memory=None, MemorySwap=None), "exhaust")
    assert taken == {"granted_mb": 128, "taken_mb": 256}


async def test_whatever_holds_where_nothing_is_locked_is_what_this_machine_does_not_have(
    look: Look, neighbour: Container, tmp_path: Path
) -> None:
    capabilities = engines_capabilities()
    no_limits = [{"Name": name, "Soft": -1, "Hard": -1} for name in ("core", "fsize", "memlock")]
    files = {"Name": "nofile", "Soft": 4096, "Hard": 4096}

    def unlock(body: dict[str, Any]) -> None:
        as_root(
            CapDrop=None,
            CapAdd=capabilities,
            SecurityOpt=["seccomp=unconfined", "apparmor=unconfined"],
            ReadonlyRootfs=False,
            MaskedPaths=[],
            ReadonlyPaths=[],
            DeviceCgroupRules=["a *:* rwm"],
            Binds=[f"{tmp_path}:/host:rw"],
            PidMode=f"container:{neighbour.id}",
            IpcMode="shareable",
            ExtraHosts=["example.com:192.0.2.7"],
            Init=False,
            Memory=None,
            MemorySwap=None,
            PidsLimit=None,
            OomScoreAdj=0,
            # Without SYS_RESOURCE the engine can give no more than it was given.
            Ulimits=[*no_limits, files] if "SYS_RESOURCE" in capabilities else None,
            Tmpfs={"/tmp": "rw,exec,suid,dev,size=256m,mode=1777"},
        )(body)
        body["Env"].append("AIRLOCK_DATABASE_URL=postgresql://u:p@db/x")
        body["Hostname"] = "build-server-7"
        body["Entrypoint"] = ["python3", "-c", OPENED_DOORS, DEVICES, SOCKETS, *body["Entrypoint"]]

    output = await look(unlock)
    held = {row["name"]: row for row in output["tries"] if row["verdict"] not in ("open", "unclear")}
    expected = still_held()
    assert {name: held[name]["saw"] for name in held.keys() - expected.keys()} == {}
    assert {name: why for name, why in expected.items() if name not in held} == {}
    assert [row for row in output["tries"] if row["verdict"] == "unclear"] == []
    assert output["tried"] == len(output["open"]) + len(held)
    # What was tried did no harm: nobody was ended or stopped, and nothing was left where it was allowed.
    neighbour.reload()
    assert neighbour.status == "running"
    assert os.listdir(tmp_path) == []
