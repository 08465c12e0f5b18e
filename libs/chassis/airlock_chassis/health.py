"""Health: named checks, a readiness flag, and what a probe is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .telemetry.logs import get_logger

log = get_logger(__name__)

CHECK_SECONDS = 2.0
CACHE_SECONDS = 1.0
"""Many probes at once cost one check."""

Probe = Callable[[], Awaitable[str | None]]
"""Returns when all is well, perhaps with a word about it; raises when not."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found."""

    ok: bool
    milliseconds: float
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What a probe is told. `status` is `ok`, or `degraded` when a required check fails."""

    service: str
    version: str
    status: str
    ready: bool
    timestamp: str
    checks: dict[str, CheckResult]

    def as_json(self, *, detailed: bool = True) -> dict[str, object]:
        """For `/health`; with `detailed` also times and words of each check."""
        head: dict[str, object] = {
            "status": self.status,
            "service": self.service,
            "version": self.version,
            "ready": self.ready,
            "timestamp": self.timestamp,
        }
        for name, result in self.checks.items():
            state = "ok" if result.ok else "failing"
            head[name] = (
                {"state": state, "milliseconds": result.milliseconds, "detail": result.detail}
                if detailed
                else state
            )
        return head


@dataclass(slots=True)
class _Check:
    probe: Probe
    required: bool
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    result: CheckResult | None = None
    at: float = 0.0


class Health:
    """The checks of a process and whether it takes work."""

    def __init__(self, service: str, version: str) -> None:
        self.service = service
        self.version = version
        self.accepting = False
        """Set once everything has started, and taken back when the process begins to stop."""
        self._checks: dict[str, _Check] = {}

    def add(self, name: str, probe: Probe, *, required: bool = True) -> None:
        """Register a check. A required one that fails makes the process unready."""
        if name in self._checks:
            raise ValueError(f"there is a check {name!r} already")
        self._checks[name] = _Check(probe, required)

    async def report(self) -> HealthReport:
        """Run the checks (bounded in time, cached for a second). Never raises."""
        names = list(self._checks)
        results = await asyncio.gather(*(self._run(name, self._checks[name]) for name in names))
        checks = dict(zip(names, results, strict=True))
        well = all(checks[name].ok for name, check in self._checks.items() if check.required)
        return HealthReport(
            service=self.service,
            version=self.version,
            status="ok" if well else "degraded",
            ready=well and self.accepting,
            timestamp=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            checks=checks,
        )

    async def _run(self, name: str, check: _Check) -> CheckResult:
        async with check.lock:
            if check.result is None or time.monotonic() - check.at > CACHE_SECONDS:
                before = check.result
                check.result = await _probe(check.probe)
                check.at = time.monotonic()
                if before is not None and before.ok != check.result.ok:
                    log.warning("health.changed", check=name, ok=check.result.ok, detail=check.result.detail)
            return check.result


async def _probe(probe: Probe) -> CheckResult:
    started = time.monotonic()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            detail = await probe()
    except TimeoutError:
        return CheckResult(False, CHECK_SECONDS * 1000, f"no answer within {CHECK_SECONDS:g} s")
    except Exception as error:
        return CheckResult(False, _since(started), f"{type(error).__name__}: {error}"[:500])
    return CheckResult(True, _since(started), detail)


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 2)
