"""The collector that a process sends to: its address, who we are to it, and whether it answers."""

import functools
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from google.protobuf.message import DecodeError, Message
from opentelemetry.sdk.resources import Resource

from ...breaker import Breaker
from ..breakers import told_breaker
from .connection import BoundedSession

BREAKER = "otlp"
MAX_REQUEST_BYTES = 2 * 1024 * 1024
"""Of one request, before it is compressed: a collector that takes so much loses nothing for its size."""

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
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """What it asks for of whoever sends, beside what OpenTelemetry's own variables say; often a secret."""

    @classmethod
    def at(
        cls,
        endpoint: str,
        *,
        service: str,
        version: str,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
        **seconds: float,
    ) -> "Collector":
        """The collector at an address. `host` names this process for good; else machine and process id do."""
        attributes = {
            "service.name": service,
            "service.version": version,
            "service.instance.id": host or f"{socket.gethostname()}-{os.getpid()}",
            "host.name": host or socket.gethostname(),
        }
        address = endpoint.rstrip("/")
        resource = Resource.create(attributes)
        return cls(address, resource, _breaker(address), headers=headers or {}, **seconds)

    def url(self, signal: str) -> str:
        """Where a signal (traces, metrics, logs) goes."""
        return f"{self.endpoint}/v1/{signal}"


class Sender:
    """Sends batches of one signal through its exporter, unless the collector is known to be away.

    What cannot be sent as it is (an item that protobuf cannot say, a request that would be too large) is
    sent by halves, so that it costs nobody but itself.
    """

    def __init__(
        self,
        collector: Collector,
        session: BoundedSession,
        *,
        export: Callable[[Any], bool],
        end: Callable[[], None],
        rejected: Callable[[bytes], int],
    ) -> None:
        """`export` sends and answers whether that went well, `end` cuts it short and lets nothing more out,
        `rejected` reads how many were not taken of what went well."""
        self._breaker = collector.breaker
        self._session = session
        self._export = export
        self._end = end
        self._rejected = rejected
        self._is_cut = False

    def __call__(self, items: Sequence[Any]) -> int:
        """Send; answers how many were not taken."""
        if not self._breaker.may_try():
            return len(items)
        lost, unsayable = 0, 0
        reason: Exception | None = None
        parts = [items]
        while parts:
            part = parts.pop()
            self._session.failed = False
            try:
                taken = self._export(part)
            except Exception as error:  # the edge of this thread: it goes on with the next
                taken, reason = False, error
            if taken:
                self._breaker.succeeded()
                lost += min(len(part), self._rejected(self._session.adapter.answer))
            elif self._session.failed or self._is_cut:
                self._breaker.failed("the collector did not take what was sent")
                lost += len(part) + sum(map(len, parts))
                break
            elif len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                unsayable += 1
        if unsayable:
            log.error("otlp.broke", dropped=unsayable, exc_info=reason)
        return lost + unsayable

    def cut(self) -> None:
        """End what is under way, a pause between two tries too, and send nothing more."""
        self._is_cut = True
        self._end()


def rejected_of(kind: type[Message], count: str) -> Callable[[bytes], int]:
    """Reads from an answer of this kind how many items the collector did not take; 0 from nonsense."""

    def rejected(answer: bytes) -> int:
        try:
            said: Any = kind.FromString(answer)
        except DecodeError:
            return 0  # it took them, and says so in words of its own
        return max(0, int(getattr(said.partial_success, count)))

    return rejected
