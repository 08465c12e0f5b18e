"""Health: whether this process can do its work, and what keeps it from it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Self

from airlock_chassis.health import Health as Checks
from airlock_chassis.health import HealthReport, Probe
from airlock_contracts.views import CheckView, DetailedHealthView, Figure, HealthStatus, HealthView

from ..store.sessions import Sessions

SERVICE = "orchestration"
VERSION = version("airlock")
_DATABASE = "database"
_NATS = "nats"


@dataclass(frozen=True, slots=True)
class Health:
    """Looks at what this process stands on. Each part is asked for at most 2 s, and at most once a second."""

    checks: Checks
    """`accepting` is false before the start is done and from SIGTERM on."""
    figures: Callable[[], dict[str, Figure]] = dict
    """For `/health/detailed`."""

    @classmethod
    def over(
        cls, checks: Checks, sessions: Sessions, nats: Probe, figures: Callable[[], dict[str, Figure]] = dict
    ) -> Self:
        """The health of a process on this database and this NATS."""

        async def database() -> None:
            if not await sessions.is_alive():
                raise ConnectionError("Postgres does not answer")

        checks.add(_DATABASE, database)
        checks.add(_NATS, nats)
        return cls(checks, figures)

    async def look(self) -> HealthView:
        """What answers right now. Requests should be sent here if `status` is `ok`."""
        return self._view(await self.checks.report())

    async def look_closely(self) -> DetailedHealthView:
        """The same, with what each check found and some figures."""
        report = await self.checks.report()
        return DetailedHealthView(
            **self._view(report).model_dump(),
            checks={
                name: CheckView(up=found.ok, milliseconds=found.milliseconds, detail=found.detail)
                for name, found in report.checks.items()
            },
            details=self.figures(),
        )

    def _view(self, report: HealthReport) -> HealthView:
        status: HealthStatus = "ok" if report.status == "ok" else "degraded"
        return HealthView(
            status=status if self.checks.accepting else "draining",
            service=report.service,
            version=report.version,
            database="up" if report.checks[_DATABASE].ok else "down",
            nats="up" if report.checks[_NATS].ok else "down",
            timestamp=datetime.fromisoformat(report.timestamp),
        )
