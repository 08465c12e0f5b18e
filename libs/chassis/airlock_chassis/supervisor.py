"""The supervisor: runs a process's services, ends with them, and stops in order."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from .fatal import Fatal
from .health import Health
from .telemetry.lag import watch_loop_lag
from .telemetry.logs import get_logger
from .waiting import set_within

log = get_logger(__name__)

DRAIN_SECONDS = 30.0
CRASH_DRAIN_SECONDS = 5.0
HAND_BACK_SECONDS = 3.0
"""What a cancelled service has left to hand back what it holds."""
FIRST_RESTART_SECONDS = 0.2
MAX_RESTART_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A service that ran this long starts again without much waiting."""

ServiceRun = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set, then ends what it holds and returns. Cancelled: hands back at once."""


@dataclass(slots=True)
class _Service:
    name: str
    run: ServiceRun
    stage: int
    restartable: bool
    task: asyncio.Task[None] | None = field(default=None)


class Supervisor:
    """Runs named services side by side.

    A service that raises, or returns before it was asked to, is logged whole and ends the process with
    exit code 1; a restartable one begins again after a growing pause. On SIGTERM or SIGINT: readiness off,
    then stage by stage the stop event is set and the services may finish, all within `drain_seconds`; who
    is not done by then is cancelled. A second signal ends the process at once.
    """

    def __init__(self, health: Health | None = None, *, drain_seconds: float = DRAIN_SECONDS) -> None:
        self._health = health
        self._drain_seconds = drain_seconds
        self._services: list[_Service] = []
        self._stops: dict[int, asyncio.Event] = {}
        self._asked = asyncio.Event()
        self._crashed = False
        self._ended = asyncio.Event()
        self.add("loop-lag", watch_loop_lag, stage=9)

    def add(self, name: str, run: ServiceRun, *, stage: int = 0, restartable: bool = False) -> None:
        """Name a service. Stage 0 stops first (what takes new work in), higher stages once those are done
        (heartbeats, health port, bus)."""
        self._services.append(_Service(name, run, stage, restartable))
        self._stops.setdefault(stage, asyncio.Event())

    def request_stop(self, reason: str) -> None:
        """Begin the ordered stop; asking again changes nothing."""
        if not self._asked.is_set():
            log.info("process.stopping", reason=reason)
            self._asked.set()

    @property
    def stopping(self) -> bool:
        """Whether the process is on its way out."""
        return self._asked.is_set()

    async def run(self, *, signals: bool = True) -> int:
        """Start all services and wait for the end; answers the exit code."""
        loop = asyncio.get_running_loop()
        caught = (signal.SIGTERM, signal.SIGINT) if signals else ()
        for number in caught:
            loop.add_signal_handler(number, self._on_signal, number)
        for service in self._services:
            service.task = asyncio.create_task(self._keep(service), name=service.name)
        if self._health is not None:
            self._health.accepting = True
        try:
            await self._asked.wait()
            await self._stop()
        finally:
            if self._health is not None:
                self._health.accepting = False
            await self._cancel([s.task for s in self._services if s.task is not None])
            for number in caught:
                loop.remove_signal_handler(number)
        code = 1 if self._crashed else 0
        log.info("process.stopped", code=code)
        return code

    def _on_signal(self, number: signal.Signals) -> None:
        if self._asked.is_set():
            log.warning("process.killed", signal=number.name)
            sys.stdout.flush()
            os._exit(128 + number)
        self.request_stop(number.name)

    async def _keep(self, service: _Service) -> None:
        """Run one service, again and again if it may be restarted."""
        stop = self._stops[service.stage]
        failures = 0
        while True:
            started = time.monotonic()
            try:
                await service.run(stop)
                if stop.is_set():
                    return
                log.error(
                    "service.ended", service_name=service.name, reason="returned without being asked to"
                )
            except Exception:
                log.exception("service.crashed", service_name=service.name)
            if not service.restartable:
                self._crashed = True
                self.request_stop(f"service {service.name} ended")
                return
            failures = 1 if time.monotonic() - started > STEADY_SECONDS else failures + 1
            if await set_within(stop, restart_pause(failures, random.random())):  # noqa: S311 - jitter
                return

    async def _stop(self) -> None:
        if self._health is not None:
            self._health.accepting = False
        deadline = time.monotonic() + (CRASH_DRAIN_SECONDS if self._crashed else self._drain_seconds)
        for stage in sorted(self._stops):
            self._stops[stage].set()
            running = [s for s in self._services if s.stage == stage and s.task and not s.task.done()]
            if running:
                await asyncio.wait(
                    [s.task for s in running if s.task], timeout=max(0.0, deadline - time.monotonic())
                )
            late = [s.name for s in running if s.task and not s.task.done()]
            if late:
                log.warning("drain.cut_short", services=late)
                await self._cancel([s.task for s in running if s.task is not None])

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        running = [task for task in tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=HAND_BACK_SECONDS)
        stuck = [task.get_name() for task in running if not task.done()]
        if stuck:
            log.critical("service.stuck", services=stuck)


def restart_pause(failures: int, chance: float) -> float:
    """Seconds before the next start: doubling, bounded, with half of it left to chance (0 to 1)."""
    whole = min(MAX_RESTART_SECONDS, FIRST_RESTART_SECONDS * 2.0 ** min(failures - 1, 20))
    return whole / 2 + whole / 2 * chance


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a process's main coroutine on uvloop where there is one; answers the exit code.

    Fatal becomes one line on stderr and exit code 1.
    """
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(main())
    except Fatal as error:
        line = " ".join(str(error).split())
        sys.stderr.write(f"airlock: {line}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # no wheel for this platform: asyncio's own loop serves
        return None
    return uvloop.new_event_loop
