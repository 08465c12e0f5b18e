"""What doctor makes of hosts: who is heard of, what waits for them, their images, clocks and versions."""

from datetime import timedelta
from typing import Any

import pytest
from airlock_client.local.doctor_hosts import host_findings, versions
from airlock_client.local.findings import Finding, Verdict
from airlock_contracts.statuses import HostStatus
from airlock_contracts.views import HostView
from shown_runs import AT


def troubles(findings: list[Finding]) -> list[Finding]:
    found = [finding for finding in findings if finding.verdict is not Verdict.OK]
    assert all(finding.mend for finding in found)
    return found


def host(**changes: Any) -> HostView:
    fields: dict[str, Any] = {
        "name": "h1",
        "status": HostStatus.UP,
        "pool": "default",
        "version": "0.1.0",
        "slots": 2,
        "busy": 0,
        "memory_mb": 4096,
        "missing_images": [],
        "started_at": AT,
        "seen_at": AT,
    }
    return HostView(**fields | changes)


def judged(*hosts: HostView, seconds: float = 0, **waiting: int) -> list[Finding]:
    """The troubles of hosts some seconds after they were heard of; `waiting` counts work by pool."""
    return troubles(host_findings(hosts, waiting, AT + timedelta(seconds=seconds)))


def test_hosts_that_are_gone_silent_or_lack_images_are_found() -> None:
    assert judged(host(), default=3) == []  # it takes them
    assert [one.verdict for one in judged()] == [Verdict.WRONG]
    (silent,) = judged(host(), seconds=45)
    assert (silent.verdict, "silent for 45 s" in silent.what) == (Verdict.WARNING, True)
    gone = host(name="h2", pool="gpu", status=HostStatus.GONE)
    (pool,) = judged(host(), gone, gpu=0)
    assert (pool.verdict, pool.what) == (Verdict.WARNING, "none of the pool gpu is up")


@pytest.mark.parametrize("status", [HostStatus.GONE, HostStatus.DRAINING])
def test_a_pool_where_work_waits_and_nobody_takes_it_is_wrong(status: HostStatus) -> None:
    (found,) = judged(host(), host(name="h2", pool="gpu", status=status), gpu=2, default=1)
    assert found.verdict is Verdict.WRONG
    assert found.what == "none of the pool gpu is heard of, and 2 invocations wait"
    (never,) = judged(host(), other=1)
    assert never.what == "none of the pool other is heard of, and 1 invocations wait"


def test_a_silent_host_is_wrong_as_soon_as_work_waits_for_it_or_is_in_its_hands() -> None:
    heard = host(name="h2", seen_at=AT + timedelta(seconds=40))
    assert [one.verdict for one in judged(host(), heard, seconds=45)] == [Verdict.WARNING]
    assert [one.verdict for one in judged(host(), heard, seconds=45, default=1)] == [Verdict.WRONG]
    assert [one.verdict for one in judged(host(busy=1), heard, seconds=45)] == [Verdict.WRONG]
    alone = judged(host(), seconds=45, default=1)
    assert [(one.part, one.verdict) for one in alone] == [("hosts", Verdict.WRONG), ("host", Verdict.WRONG)]


def test_an_image_that_one_host_lacks_is_a_warning_and_one_that_no_host_of_its_pool_has_is_wrong() -> None:
    here = host(missing_images=["mine@1.0.0"])
    (lacking,) = judged(here, host(name="h2", missing_images=["other@1.0.0"], pool="gpu"), host(name="h3"))[
        :1
    ]
    assert (lacking.verdict, "it lacks mine@1.0.0" in lacking.what) == (Verdict.WARNING, True)
    assert "pull name@sha256:... there; load what was built" in lacking.mend
    (alone,) = judged(here, host(name="h2", pool="gpu"))  # which may have it, and gets none of this work
    assert alone.verdict is Verdict.WRONG
    both = judged(here, host(name="h2", missing_images=["mine@1.0.0", "other@1.0.0"]))
    assert [one.verdict for one in both] == [Verdict.WRONG, Verdict.WRONG]
    assert all("no host of its pool has mine@1.0.0" in one.what for one in both)


@pytest.mark.parametrize(("seconds", "verdict"), [(-9.5, Verdict.WARNING), (-3600.25, Verdict.WRONG)])
def test_a_host_whose_clock_is_off_is_named(seconds: float, verdict: Verdict) -> None:
    assert judged(host(clock_ahead=None), host(clock_ahead=1.5), host(clock_ahead=-1.5)) == []
    (found,) = judged(host(), host(name="h2", clock_ahead=seconds))
    assert (found.part, found.verdict) == ("clocks", verdict)
    assert found.what == f"that of the host h2 is {seconds:+.1f} s against Postgres'"


@pytest.mark.parametrize(
    ("service", "of_host", "verdict"),
    [
        ("0.1.9", "0.2.0", Verdict.WARNING),
        ("0.2.0", "0.0.9", Verdict.WRONG),
        ("1.1.0", "0.1.0", Verdict.WRONG),
        ("0.1.0", "nightly", Verdict.WRONG),
    ],
)
def test_versions_that_differ_stand_side_by_side(service: str, of_host: str, verdict: Verdict) -> None:
    assert troubles(versions("0.1.0", "0.1.0", [host()])) == []
    (found,) = troubles(versions("0.1.0", service, [host(version=of_host)]))
    assert found.verdict is verdict
    assert f"this command 0.1.0, service {service}, host h1 {of_host}" in found.what
