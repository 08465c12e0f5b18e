"""Health: what probes are told."""

import asyncio

import pytest
from airlock_chassis import health as health_module
from airlock_chassis.health import Health


async def fine() -> str | None:
    return "all well"


async def broken() -> str | None:
    raise ConnectionError("no route")


async def test_ready_needs_every_required_check_and_the_flag() -> None:
    health = Health("svc", "1.0.0")
    health.add("database", fine)
    assert not (await health.report()).ready
    health.accepting = True
    report = await health.report()
    assert report.ready
    assert report.as_json(detailed=False)["database"] == "ok"
    assert report.status == "ok"


async def test_a_failing_required_check_degrades_and_says_why() -> None:
    health = Health("svc", "1.0.0")
    health.accepting = True
    health.add("nats", broken)
    health.add("optional", fine, required=False)
    report = await health.report()
    assert (report.status, report.ready) == ("degraded", False)
    assert report.checks["nats"].detail == "ConnectionError: no route"


async def test_a_failing_optional_check_leaves_the_process_ready() -> None:
    health = Health("svc", "1.0.0")
    health.accepting = True
    health.add("exporter", broken, required=False)
    report = await health.report()
    assert report.ready
    assert not report.checks["exporter"].ok


async def test_a_check_that_hangs_fails_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "CHECK_SECONDS", 0.05)

    async def hang() -> str | None:
        await asyncio.Event().wait()
        return None

    health = Health("svc", "1.0.0")
    health.add("database", hang)
    async with asyncio.timeout(2):
        report = await health.report()
    assert "no answer" in (report.checks["database"].detail or "")


async def test_many_probes_at_once_cost_one_check() -> None:
    calls = 0

    async def count() -> str | None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        return None

    health = Health("svc", "1.0.0")
    health.add("database", count)
    await asyncio.gather(*(health.report() for _ in range(50)))
    assert calls == 1


def test_a_name_stands_for_one_check() -> None:
    health = Health("svc", "1.0.0")
    health.add("database", fine)
    with pytest.raises(ValueError, match="already"):
        health.add("database", broken)
