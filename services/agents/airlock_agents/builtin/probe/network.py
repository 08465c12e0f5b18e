"""Tries to talk: with the world, the host, the engine, and whoever listens on a socket."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from .tries import ABSENCES, Box, Room, Seen, Try, absent, by_error, fact, opened, refused, spelled

_PATIENCE = 1.0
"""For an answer from outside; in a closed box the refusal comes at once."""
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL})
_ENGINES = """
    /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock
    /run/crio/crio.sock /run/buildkit/buildkitd.sock /run/dbus/system_bus_socket /run/systemd/private
    /run/systemd/journal/socket /run/snapd.socket
""".split()
FAMILIES = {
    "AF_NETLINK": (16, socket.SOCK_RAW, 0),
    "AF_PACKET": (17, socket.SOCK_RAW, 0x0300),
    "AF_VSOCK": (40, socket.SOCK_STREAM, 0),
    "AF_ALG": (38, socket.SOCK_SEQPACKET, 0),
    "AF_BLUETOOTH": (31, socket.SOCK_RAW, 1),
    "AF_CAN": (29, socket.SOCK_RAW, 1),
    "AF_TIPC": (30, socket.SOCK_DGRAM, 0),
    "AF_RDS": (21, socket.SOCK_SEQPACKET, 0),
    "AF_KEY": (15, socket.SOCK_RAW, 2),
    "AF_XDP": (44, socket.SOCK_RAW, 0),
    "AF_SMC": (43, socket.SOCK_STREAM, 0),
    "AF_NFC": (39, socket.SOCK_SEQPACKET, 0),
    "AF_AX25": (3, socket.SOCK_DGRAM, 0),
    "AF_QIPCRTR": (42, socket.SOCK_DGRAM, 0),
}
PROTOCOLS = {
    "raw socket, IPv4": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "raw socket, IPv6": (socket.AF_INET6, socket.SOCK_RAW, 58),
    "ping socket": (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    "SCTP": (socket.AF_INET, socket.SOCK_STREAM, 132),
    "MPTCP": (socket.AF_INET, socket.SOCK_STREAM, 262),
    "UDP-Lite": (socket.AF_INET, socket.SOCK_DGRAM, 136),
}


def _interfaces(_: Box) -> Seen:
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    names = {line.partition(":")[0].strip() for line in lines}
    return fact(names <= {"lo"}, f"interfaces: {', '.join(sorted(names)) or 'none'}")


def _routes(_: Box) -> Seen:
    lines = Path("/proc/net/route").read_text().splitlines()[1:]
    return fact(not lines, f"{len(lines)} routes")


def _connect(family: int, kind: int, address: tuple[str, int]) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        return _talk(family, kind, address)

    return run


def _talk(family: int, kind: int, address: tuple[str, int]) -> Seen:
    try:
        with socket.socket(family, kind) as made:
            made.settimeout(_PATIENCE)
            made.connect(address)
            made.send(b"\0")
    except TimeoutError:
        return opened(f"no answer within {_PATIENCE:g} s: what was sent left the box")
    except OSError as error:
        if error.errno in _NO_WAY:
            return refused(f"{spelled(error.errno)}: there is no way out")
        return by_error(error, f"{address[0]} port {address[1]}")
    return opened(f"{address[0]} port {address[1]}: connected")


def _gateway(_: Box) -> Seen:
    """The host is where the default route leads to, or else Docker's usual address."""
    gateways = ["172.17.0.1"]
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000" and int(fields[2], 16):  # a way without a gateway leads to no host
            gateways.insert(0, socket.inet_ntoa(struct.pack("<L", int(fields[2], 16))))
    for port in (22, 2375, 4222, 5432, 9002):
        seen = _talk(socket.AF_INET, socket.SOCK_STREAM, (gateways[0], port))
        if not seen.verdict.holds:
            return seen
    return seen


def _resolve(_: Box) -> Seen:
    try:
        found = socket.getaddrinfo("example.com", 80)
    except socket.gaierror as error:
        return refused(f"example.com: {error.strerror}")
    return opened(f"example.com is {found[0][4][0]}")


def _name_servers(_: Box) -> Seen:
    servers = ["127.0.0.11", "1.1.1.1"]
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    servers += [line.split()[1] for line in lines if line.startswith("nameserver")]
    question = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x07example\x03com\x00\x00\x01\x00\x01"
    for server in dict.fromkeys(servers):
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as made:
                made.settimeout(_PATIENCE)
                made.connect((server, 53))
                made.send(question)
                made.recv(512)
        except TimeoutError:
            return opened(f"{server}: the question left the box")
        except ConnectionRefusedError:
            if not server.startswith("127."):
                return opened(f"{server}: somebody refused, so somebody was reached")
            continue
        except OSError as error:
            if error.errno not in _NO_WAY:
                return by_error(error, server)
            continue
        return opened(f"{server} answered")
    return refused(f"nobody is asked: {', '.join(dict.fromkeys(servers))}")


def _family(parameters: tuple[int, int, int]) -> Callable[[Box], Seen]:
    def run(_: Box) -> Seen:
        try:
            socket.socket(*parameters).close()
        except OSError as error:
            return by_error(error)
        return opened("a socket was made")

    return run


def _loopback(_: Box) -> Seen:
    """Whoever else listens on loopback shares our network."""
    heard = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        heard += [f"{table} {line.split()[1]}" for line in lines]
    return fact(not heard, f"sockets in /proc/net: {', '.join(heard[:5]) or 'none'}")


def _unix_socket(path: str) -> Callable[[Box], Seen]:
    return lambda _: _knock(path)


def _knock(path: str) -> Seen:
    if not os.path.lexists(path):
        return absent("ENOENT")
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.settimeout(_PATIENCE)
            made.connect(path)
    except OSError as error:
        if error.errno in ABSENCES:
            return absent(spelled(error.errno))
        return opened(f"it is there: {spelled(error.errno)}")
    return opened("connected")


def _all_unix_sockets(box: Box) -> Seen:
    return fact(not box.sockets, f"on the whole file system: {', '.join(box.sockets[:5]) or 'none'}")


def _abstract_sockets(_: Box) -> Seen:
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    names = [line.split()[7] for line in lines if len(line.split()) > 7]
    return fact(not names, f"names in /proc/net/unix: {', '.join(names[:5]) or 'none'}")


_OUT = (
    ("IPv4, TCP", socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 443)),
    ("IPv4, UDP", socket.AF_INET, socket.SOCK_DGRAM, ("1.1.1.1", 443)),
    ("IPv6, TCP", socket.AF_INET6, socket.SOCK_STREAM, ("2606:4700:4700::1111", 443)),
    ("IPv6, UDP", socket.AF_INET6, socket.SOCK_DGRAM, ("2606:4700:4700::1111", 443)),
    ("a private network", socket.AF_INET, socket.SOCK_STREAM, ("10.0.0.1", 80)),
    ("a cloud's metadata", socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)),
    ("a cloud's metadata, IPv6", socket.AF_INET6, socket.SOCK_STREAM, ("fd00:ec2::254", 80)),
    ("everybody nearby", socket.AF_INET, socket.SOCK_DGRAM, ("224.0.0.1", 5353)),
)
SOCKETS = Room(
    "sockets",
    why="whoever talks to the engine's socket is root on the host",
    mend="no Binds or Mounts: nothing of the host's belongs into a sandbox",
    tries=(
        *(Try(path, _unix_socket(path)) for path in _ENGINES),
        Try("any socket in a file", _all_unix_sockets),
        Try("any socket with an abstract name", _abstract_sockets),
    ),
)
NETWORK = Room(
    "network",
    why="what an agent reads it could tell anybody, and reach what trusts this machine",
    mend="NetworkMode must be none; the container must not be joined to a network afterwards; Airlock's "
    "seccomp profile must be applied for the families",
    tries=(
        Try("interfaces", _interfaces),
        Try("routes", _routes),
        Try("others on loopback", _loopback),
        *(Try(name, _connect(family, kind, address)) for name, family, kind, address in _OUT),
        Try("the host", _gateway),
        *(Try(name, _family(how)) for name, how in PROTOCOLS.items()),
        *(Try(name, _family(how)) for name, how in FAMILIES.items()),
    ),
)
NAMES = Room(
    "DNS",
    why="a question for a name carries data out, past every proxy",
    mend="NetworkMode must be none: with it no resolver can be reached",
    tries=(Try("resolving a name", _resolve), Try("asking a name server", _name_servers)),
)
