"""Looks at what REST tells: the service, its clock, the key, the hosts, what waits, the certificate."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airlock_contracts.views import HostView

from ..client import AirlockClient
from ..errors import ClientError, ProblemError, ServerUnreachable
from .doctor_hosts import host_findings, versions
from .findings import SECONDS_APART, Finding, apart, ok, unknown, wrong
from .folder import AIRLOCK_VERSION

_UNAUTHORISED = (401, 403)
_VIOLATIONS = re.compile(r"^wakeup_certificate_violations ([0-9.]+)$", re.MULTILINE)
_WAITING = re.compile(r'^queue_depth\{pool="([a-z0-9-]+)"\} ([0-9.e+]+)$', re.MULTILINE)


async def look_at_service(client: AirlockClient) -> tuple[list[Finding], list[HostView]]:
    """What the service says of itself, and the hosts that it knows."""
    before = datetime.now(UTC)
    try:
        health = await client.health()
    except (ServerUnreachable, ClientError, ValueError) as error:
        return [wrong("REST", str(error), "`airlock status`, `airlock up`, or another --url")], []
    found = [ok("REST", f"{client.url}, Airlock {health.get('version')}, {health.get('status')}")]
    ahead = _ahead(health, before)
    if ahead is None:
        found.append(unknown("clocks", "the service does not say what time it is"))
    elif abs(ahead) > SECONDS_APART:
        found.append(apart("clocks", f"the service's is {ahead:+.1f} s against this machine's", ahead))
    for name, part in (("database", "Postgres"), ("nats", "NATS")):
        if health.get(name) == "up":
            found.append(ok(part, "answers the service"))
        else:
            detail = (health.get("checks") or {}).get(name, {}).get("detail")
            what = f"the service says: {health.get(name)}{f' ({detail})' if detail else ''}"
            found.append(wrong(part, what, "look at its process and at the service's log"))
    known, hosts = await _look_with_key(client, timedelta(seconds=ahead or 0.0))
    told = versions(AIRLOCK_VERSION, str(health.get("version")), hosts)
    return [*found, *known, *told], hosts


def _ahead(health: dict[str, Any], before: datetime) -> float | None:
    """Seconds of the service's clock before this machine's, as far as one answer can tell."""
    try:
        told = datetime.fromisoformat(str(health["timestamp"]))
        # The answer was written between the question and now; its check may have been kept for a second.
        after = datetime.now(UTC)
        early, late = (told - after).total_seconds(), (told - before).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
    return 0.0 if early <= 0 <= late else early if early > 0 else late


async def _look_with_key(client: AirlockClient, ahead: timedelta) -> tuple[list[Finding], list[HostView]]:
    try:
        hosts = await client.hosts()
    except ProblemError as error:
        if error.problem.status in _UNAUTHORISED:
            mend = "another --key-file, or make one: airlock keys create --name NAME"
            return [wrong("key", str(error), mend)], []
        return [wrong("hosts", str(error), error.problem.hint or "look at the service's log")], []
    except ClientError as error:
        return [wrong("hosts", str(error), "look at the service's log")], []
    seen, waiting = await _look_at_metrics(client)
    # When they were heard of is told by another clock than ours.
    return [ok("key", "is known"), *host_findings(hosts, waiting, datetime.now(UTC) + ahead), *seen], hosts


async def _look_at_metrics(client: AirlockClient) -> tuple[list[Finding], Mapping[str, int]]:
    """What the service counts: of the certificate, and the invocations that wait, by pool."""
    try:
        text = await client.metrics()
    except ClientError as error:
        mend = "ask the service itself with --url: who stands in front of it keeps /metrics back"
        return [unknown("metrics", str(error), mend)], {}
    waiting = {pool: int(float(number)) for pool, number in _WAITING.findall(text)}
    told = _VIOLATIONS.search(text)
    if told is None or float(told[1]) == 0:
        return [], waiting
    what = f"the service counts {float(told[1]):.0f} that nothing would wake"
    mend = "this is a bug of Airlock: report it; cancel and retry the run"
    return [wrong("certificate", what, mend)], waiting
