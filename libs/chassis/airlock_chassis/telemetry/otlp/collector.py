"""The collector that a process sends to: its address, who we are to it, and whether it answers."""

import functools
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from google.protobuf.message import DecodeError, Message
from opentelemetry.sdk.resources import Resource

from ...breaker import Breaker
from ..breakers import told_breaker
from .connection import BoundedSession

BREAKER = "otlp"

log = structlog.stdlib.get_logger(__name__)


@functools.cache
def _breaker(endpoint: str) -> Breaker:
    """One for all signals of this process: they end at one door."""
    return told_breaker(BREAKER)


@dataclass(frozen=True, slots=True)
class Collector:
    """An OTLP/HTTP endpoint such as `http://collector:4318`, and this process as it calls itself there."""

    endpoint: str
    resource: Resource
    breaker: Breaker = field(compare=False)
    export_seconds: float = 5.0
    """For one export with all its tries."""
    flush_seconds: float = 3.0
    """For what waits at the end of the process."""

    @classmethod
    def at(
        cls, endpoint: str, *, service: str, version: str, host: str | None = None, **seconds: float
    ) -> "Collector":
        """The collector at an address. `host` names this process for good; else machine and process id do."""
        attributes = {
            "service.name": service,
            "service.version": version,
            "service.instance.id": host or f"{socket.gethostname()}-{os.getpid()}",
            "host.name": host or socket.gethostname(),
        }
        return cls(
            endpoint.rstrip("/"), Resource.create(attributes), _breaker(endpoint.rstrip("/")), **seconds
        )

    def url(self, signal: str) -> str:
        """Where a signal (traces, metrics, logs) goes."""
        return f"{self.endpoint}/v1/{signal}"


class Sender:
    """Sends batches of one signal through its exporter, unless the collector is known to be away."""

    def __init__(
        self,
        collector: Collector,
        session: BoundedSession,
        export: Callable[[Any], bool],
        rejected: Callable[[bytes], int],
    ) -> None:
        """`export` sends and answers whether that went well; `rejected` reads how many it did not take."""
        self._breaker = collector.breaker
        self._session = session
        self._export = export
        self._rejected = rejected

    def __call__(self, items: Sequence[Any]) -> int:
        """Send; answers how many were not taken."""
        if not self._breaker.may_try():
            return len(items)
        try:
            taken = self._export(items)
        except Exception:  # the edge of this thread: it goes on with the next
            log.exception("otlp.broke")
            return len(items)
        if not taken:
            self._breaker.failed("the collector did not take what was sent")
            return len(items)
        self._breaker.succeeded()
        return min(len(items), self._rejected(self._session.adapter.answer))

    def cut(self) -> None:
        """End what is under way, and send nothing more."""
        self._session.close()


def rejected_of(kind: type[Message], count: str) -> Callable[[bytes], int]:
    """Reads from an answer of this kind how many items the collector did not take; 0 from nonsense."""

    def rejected(answer: bytes) -> int:
        try:
            said: Any = kind.FromString(answer)
        except DecodeError:
            return 0  # it took them, and says so in words of its own
        return max(0, int(getattr(said.partial_success, count)))

    return rejected
