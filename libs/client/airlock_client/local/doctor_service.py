"""Looks at what REST tells: the service, its clock, the key, the hosts, the certificate."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airlock_contracts.statuses import HostStatus
from airlock_contracts.views import HostView

from ..client import AirlockClient
from ..errors import ClientError, ProblemError, ServerUnreachable
from .findings import Finding, ok, warning, wrong
from .folder import AIRLOCK_VERSION

_UNAUTHORISED = (401, 403)
_SILENT_SECONDS = 20.0
"""Heartbeats come every 5 s."""
_SECONDS_APART = 2.0
_VIOLATIONS = re.compile(r"^wakeup_certificate_violations ([0-9.]+)$", re.MULTILINE)


async def look_at_service(client: AirlockClient) -> tuple[list[Finding], list[HostView]]:
    """What the service says of itself, and the hosts that it knows."""
    before = datetime.now(UTC)
    try:
        health = await client.health()
    except (ServerUnreachable, ClientError, ValueError) as error:
        return [wrong("REST", str(error), "`airlock status`, `airlock up`, or another --url")], []
    found = [ok("REST", f"{client.url}, Airlock {health.get('version')}, {health.get('status')}")]
    if (apart := _apart(health, before)) is not None and abs(apart) > _SECONDS_APART:
        found.append(
            warning(
                "clocks",
                f"the service's is {apart:+.1f} s against this machine's",
                "run an NTP client on both",
            )
        )
    for name, part in (("database", "Postgres"), ("nats", "NATS")):
        if health.get(name) == "up":
            found.append(ok(part, "answers the service"))
        else:
            detail = (health.get("checks") or {}).get(name, {}).get("detail")
            what = f"the service says: {health.get(name)}{f' ({detail})' if detail else ''}"
            found.append(wrong(part, what, "look at its process and at the service's log"))
    known, hosts = await _look_with_key(client)
    return [*found, *known, *versions(str(health.get("version")), hosts), *await _certificate(client)], hosts


def _apart(health: dict[str, Any], before: datetime) -> float | None:
    try:
        told = datetime.fromisoformat(str(health["timestamp"]))
        # The answer was written between the question and now; its check may have been kept for a second.
        after = datetime.now(UTC)
        early, late = (told - after).total_seconds(), (told - before).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
    return 0.0 if early <= 0 <= late else early if early > 0 else late


async def _look_with_key(client: AirlockClient) -> tuple[list[Finding], list[HostView]]:
    try:
        hosts = await client.hosts()
    except ProblemError as error:
        if error.problem.status in _UNAUTHORISED:
            mend = "another --key-file, or make one: airlock keys create --name NAME"
            return [wrong("key", str(error), mend)], []
        return [wrong("hosts", str(error), error.problem.hint or "look at the service's log")], []
    except ClientError as error:
        return [wrong("hosts", str(error), "look at the service's log")], []
    return [ok("key", "is known"), *host_findings(hosts, datetime.now(UTC))], hosts


def host_findings(hosts: Sequence[HostView], now: datetime) -> list[Finding]:
    """Judge hosts by what their heartbeats told."""
    found: list[Finding] = []
    up = [host for host in hosts if host.status is HostStatus.UP]
    if not up:
        found.append(wrong("hosts", f"none of {len(hosts)} is up", "airlock agent-host, or airlock up"))
    silent_pools = {host.pool for host in hosts} - {host.pool for host in up} if up else set()
    mend = "airlock agent-host with AIRLOCK_POOL, if work is still sent there"
    found += [warning("hosts", f"none of the pool {pool} is up", mend) for pool in sorted(silent_pools)]
    for host in up:
        found += _clock(host)
        text = f"{host.name}: {host.busy} of {host.slots} slots busy"
        silent = (now - host.seen_at).total_seconds()
        if silent > _SILENT_SECONDS:
            found.append(
                warning("host", f"{text}; silent for {silent:.0f} s", "look at its process and its log")
            )
        elif host.missing_images:
            lacking = ", ".join(host.missing_images)
            mend = "airlock agents show AGENT has the digest: pull name@sha256:... there; load what was built"
            found.append(warning("host", f"{text}; it lacks {lacking}", mend))
        else:
            found.append(ok("host", text))
    return found


def _clock(host: HostView) -> list[Finding]:
    """Nothing is decided by a host's clock, but its agents plan by it, and its log is dated by it."""
    ahead = host.clock_ahead
    if ahead is None or abs(ahead) <= _SECONDS_APART:
        return []
    what = f"that of the host {host.name} is {ahead:+.1f} s against Postgres'"
    return [warning("clocks", what, "run an NTP client on both")]


def versions(service: str, hosts: Sequence[HostView]) -> list[Finding]:
    """Put the versions of all parts side by side."""
    sides = {"this command": AIRLOCK_VERSION, "service": service}
    sides |= {f"host {host.name}": host.version for host in hosts if host.status is HostStatus.UP}
    text = ", ".join(f"{name} {version}" for name, version in sides.items())
    if len(set(sides.values())) > 1:
        return [
            warning("versions", text, "use the same everywhere; two neighbours may differ for an upgrade")
        ]
    return [ok("versions", text)]


async def _certificate(client: AirlockClient) -> list[Finding]:
    try:
        told = _VIOLATIONS.search(await client.metrics())
    except ClientError:
        return []  # whoever is in front may keep /metrics to itself
    if told is None or float(told[1]) == 0:
        return []
    what = f"the service counts {float(told[1]):.0f} that nothing would wake"
    return [wrong("certificate", what, "this is a bug of Airlock: report it; cancel and retry the run")]
