"""Findings about agent hosts, from their heartbeats and from what waits for them. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from airlock_contracts.statuses import HostStatus
from airlock_contracts.views import HostView

from .findings import SECONDS_APART, Finding, apart, ok, warning, wrong

_SILENT_SECONDS = 20.0
"""Heartbeats come every 5 s."""
_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.|$)")


def host_findings(hosts: Sequence[HostView], waiting: Mapping[str, int], now: datetime) -> list[Finding]:
    """Judge hosts; `waiting` counts the invocations of each pool, `now` is by the clock of who heard them."""
    up = [host for host in hosts if host.status is HostStatus.UP]
    heard = [host for host in up if _silence(host, now) <= _SILENT_SECONDS]
    return [
        *_pools(hosts, up, heard, waiting),
        *(finding for host in up for finding in _clock(host)),
        *(_silent(host, _silence(host, now), waiting) for host in up if host not in heard),
        *(_heard(host, heard) for host in heard),
    ]


def versions(command: str, service: str, hosts: Sequence[HostView]) -> list[Finding]:
    """Put the versions of all parts side by side."""
    sides = {"this command": command, "service": service}
    sides |= {f"host {host.name}": host.version for host in hosts if host.status is HostStatus.UP}
    text = ", ".join(f"{name} {version}" for name, version in sides.items())
    if len(set(sides.values())) == 1:
        return [ok("versions", text)]
    if not _go_together(sides.values()):
        return [wrong("versions", f"they do not go together: {text}", "install the same release everywhere")]
    return [warning("versions", text, "use the same everywhere; two neighbours may differ for an upgrade")]


def _go_together(told: Iterable[str]) -> bool:
    """Whether they are of two neighbouring releases at most, which are made to run side by side."""
    releases = [_RELEASE.match(version) for version in told]
    majors = {found[1] for found in releases if found}
    minors = [int(found[2]) for found in releases if found]
    return all(releases) and len(majors) == 1 and max(minors) - min(minors) <= 1


def _pools(
    hosts: Sequence[HostView], up: Sequence[HostView], heard: Sequence[HostView], waiting: Mapping[str, int]
) -> Iterator[Finding]:
    part, mend = "hosts", "airlock agent-host with AIRLOCK_POOL, or airlock up"
    if not up:
        yield wrong(part, f"none of {len(hosts)} is up", "airlock agent-host, or airlock up")
    with_work = {pool for pool, number in waiting.items() if number}
    stuck = with_work - {host.pool for host in heard}
    for pool in sorted(stuck):
        yield wrong(part, f"none of the pool {pool} is heard of, and {waiting[pool]} invocations wait", mend)
    idle = {host.pool for host in hosts} - {host.pool for host in up} - stuck if up else set()
    for pool in sorted(idle):
        yield warning(part, f"none of the pool {pool} is up", f"{mend}, if work is still sent there")


def _clock(host: HostView) -> Iterator[Finding]:
    """Nothing is decided by a host's clock, but its agents plan by it, and its log is dated by it."""
    ahead = host.clock_ahead
    if ahead is not None and abs(ahead) > SECONDS_APART:
        yield apart("clocks", f"that of the host {host.name} is {ahead:+.1f} s against Postgres'", ahead)


def _silent(host: HostView, seconds: float, waiting: Mapping[str, int]) -> Finding:
    """Without work it is missed by nobody yet; what it holds, and what waits for it, stands still."""
    found = wrong if host.busy or waiting.get(host.pool) else warning
    return found("host", f"{_text(host)}; silent for {seconds:.0f} s", "look at its process and its log")


def _heard(host: HostView, heard: Sequence[HostView]) -> Finding:
    """What one host lacks another of its pool may have; what all of them lack cannot run."""
    if not host.missing_images:
        return ok("host", _text(host))
    mend = "airlock agents show AGENT has the digest: pull name@sha256:... there; load what was built"
    others = [set(other.missing_images) for other in heard if other.pool == host.pool]
    if nowhere := set(host.missing_images).intersection(*others):
        what = f"{_text(host)}; no host of its pool has {', '.join(sorted(nowhere))}"
        return wrong("host", what, mend)
    return warning("host", f"{_text(host)}; it lacks {', '.join(host.missing_images)}", mend)


def _silence(host: HostView, now: datetime) -> float:
    return (now - host.seen_at).total_seconds()


def _text(host: HostView) -> str:
    return f"{host.name}: {host.busy} of {host.slots} slots busy"
