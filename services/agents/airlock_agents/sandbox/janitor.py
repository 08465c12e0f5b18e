"""Removes containers that nobody will remove: left by a host that was killed, or by a failed clean-up.

Owns by label, and only its install's: of its own host all that is not in use, of another host only what
Postgres has called gone (told from outside: a janitor never decides that itself).
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from .docker import Containers, EngineFailed, Found, StartRefused
from .policy import LABEL_BOOT, LABEL_HOST, LABEL_INSTALL, LABEL_SANDBOX

SWEEP_SECONDS = 10.0

_log = structlog.get_logger(__name__)


def abandoned(
    found: Iterable[Found],
    *,
    install: str,
    host: str,
    boot: str,
    live: frozenset[str],
    gone_hosts: frozenset[str] = frozenset(),
) -> list[Found]:
    """Choose the containers that nobody owns any more. Pure."""
    chosen = []
    for container in found:
        labels = container.labels
        if labels.get(LABEL_INSTALL) != install:
            continue
        owner = labels.get(LABEL_HOST)
        if owner == host:
            in_use = labels.get(LABEL_BOOT) == boot and labels.get(LABEL_SANDBOX) in live
            if not in_use:
                chosen.append(container)
        elif owner in gone_hosts:
            chosen.append(container)
    return chosen


class Janitor:
    """One host's janitor. `live` tells which sandboxes are in use at this moment."""

    def __init__(
        self,
        containers: Containers,
        *,
        install: str,
        host: str,
        boot: str,
        live: Callable[[], frozenset[str]],
    ) -> None:
        self._containers = containers
        self._install = install
        self._host = host
        self._boot = boot
        self._live = live

    async def sweep(self, gone_hosts: frozenset[str] = frozenset()) -> int:
        """Remove what nobody owns; answers how many. Raises EngineFailed when nothing can be listed."""
        found = await self._containers.of_install(self._install)
        # Asked after the list: what was opened in between is in use, and not in the list.
        doomed = abandoned(
            found,
            install=self._install,
            host=self._host,
            boot=self._boot,
            live=self._live(),
            gone_hosts=gone_hosts,
        )
        removed = 0
        for container in doomed:
            try:
                await self._containers.remove(container.id)
            except (EngineFailed, StartRefused) as error:
                _log.warning("janitor.not_removed", container=container.name, error=str(error))
                continue
            removed += 1
            _log.info("janitor.removed", container=container.name, labels=dict(container.labels))
        return removed

    async def run(self, gone_hosts: Callable[[], frozenset[str]] = frozenset) -> None:
        """Sweep now and every 10 s until cancelled; an engine that is away is tried again."""
        while True:
            try:
                await self.sweep(gone_hosts())
            except EngineFailed as error:
                _log.warning("janitor.engine_away", error=str(error))
            await asyncio.sleep(SWEEP_SECONDS)
