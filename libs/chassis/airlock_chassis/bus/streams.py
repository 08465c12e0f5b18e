"""Streams and durable pull consumers as values, declared as often as needed."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from ..telemetry.logs import get_logger
from .connection import Bus
from .errors import LayoutMismatch, NoAnswer, StreamsUnavailable

log = get_logger(__name__)

ACK_WAIT_SECONDS = 30.0
MAX_ACK_PENDING = 50_000
"""Delayed naks count as pending, so this is far above what hosts and workers hold at once."""
UNAVAILABLE, NOT_FOUND = 503, 404
NAME_IN_USE = frozenset({10058, 10148})
"""A stream or consumer of that name exists with another configuration."""


class Retention(StrEnum):
    """When a stream forgets a message: at its limits, or once it is acked."""

    LIMITS = "limits"
    WORK_QUEUE = "workqueue"


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One stream. Sizes in bytes, times in seconds; 0 of `max_age` means for ever."""

    name: str
    subjects: tuple[str, ...]
    retention: Retention
    max_bytes: int
    discard_new: bool = True
    """Refuse what does not fit; otherwise the oldest goes."""
    max_msgs_per_subject: int = -1
    discard_new_per_subject: bool = False
    """With `max_msgs_per_subject` 1: a second message on a subject is refused while the first exists."""
    duplicate_window: float = 120.0
    """How long a message id is remembered; a new id on the same subject is never a duplicate."""
    max_age: float = 0.0
    in_memory: bool = False
    replicas: int = 1

    def config(self) -> api.StreamConfig:
        """The same in nats-py's words."""
        return api.StreamConfig(
            name=self.name,
            subjects=list(self.subjects),
            retention=api.RetentionPolicy(self.retention.value),
            max_bytes=self.max_bytes,
            discard=api.DiscardPolicy.NEW if self.discard_new else api.DiscardPolicy.OLD,
            max_msgs_per_subject=self.max_msgs_per_subject,
            discard_new_per_subject=self.discard_new_per_subject,
            duplicate_window=self.duplicate_window,
            max_age=self.max_age,
            storage=api.StorageType.MEMORY if self.in_memory else api.StorageType.FILE,
            num_replicas=self.replicas,
        )


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """One durable pull consumer. No `max_deliver` (a message past it stays for ever) and no `backoff`."""

    stream: str
    name: str
    filter_subject: str
    ack_wait: float = ACK_WAIT_SECONDS
    max_ack_pending: int = MAX_ACK_PENDING

    def config(self) -> api.ConsumerConfig:
        """The same in nats-py's words."""
        return api.ConsumerConfig(
            name=self.name,
            durable_name=self.name,
            filter_subject=self.filter_subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait,
            max_ack_pending=self.max_ack_pending,
        )


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a consumer, with what was handed back to it and what its pullers have not acked yet."""

    depth: int
    """Messages. One that was purged while a puller had it counts until it would be delivered again."""
    since: datetime | None
    """When the oldest of them was stored, by the server's clock; None where none waits."""


@dataclass(slots=True)
class Streams:
    """What must exist on the server, and the act of making it so. Share one per process.

    Raises LayoutMismatch for what exists and cannot be changed, StreamsUnavailable (a NoAnswer) when
    JetStream does not answer; both are Fatal at a process's start.
    """

    bus: Bus
    specs: Sequence[StreamSpec]
    _consumers: dict[tuple[str, str], ConsumerSpec] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _declared_at: float = 0.0

    async def declare(self, *consumers: ConsumerSpec) -> None:
        """Make all streams, and these consumers, exist as declared. Does nothing where they already do."""
        async with self._lock:
            for consumer in consumers:
                self._consumers[consumer.stream, consumer.name] = consumer
            await self._declare_all()

    async def restore(self, failed_at: float) -> None:
        """Declare everything again, unless that was done since `failed_at` (`time.monotonic()`)."""
        async with self._lock:
            if self._declared_at <= failed_at:
                await self._declare_all()

    async def queue(self, consumer: ConsumerSpec) -> Queue:
        """What the consumer of a work queue has not got done. Raises NoAnswer and LayoutMismatch.

        Where nobody has pulled yet, the consumer is made: what waits for it, only it can say.
        """
        try:
            info = await self._consumer(consumer)
            depth = (info.num_pending or 0) + (info.num_ack_pending or 0)
            since = await self._oldest(consumer) if depth else None
        except (nats.errors.Error, TimeoutError) as error:
            raise NoAnswer(f"no word about consumer {consumer.name}: {error}") from error
        return Queue(0, None) if since is None else Queue(depth, since)

    async def size(self, stream: str) -> int:
        """Messages that a stream holds. Raises NoAnswer."""
        try:
            return (await self.bus.jetstream.stream_info(stream)).state.messages
        except (nats.errors.Error, TimeoutError) as error:
            raise NoAnswer(f"no word about stream {stream}: {error}") from error

    async def purge(self, stream: str, subject: str) -> None:
        """Forget what is on a subject (wildcards too), delivered or not. Raises NoAnswer."""
        try:
            await self.bus.jetstream.purge_stream(stream, subject=subject)
        except (APIError, nats.errors.Error, TimeoutError) as error:
            raise NoAnswer(f"{subject} was not purged from {stream}: {error}") from error

    async def _consumer(self, spec: ConsumerSpec) -> api.ConsumerInfo:
        info: api.ConsumerInfo
        try:
            info = await self.bus.jetstream.consumer_info(spec.stream, spec.name)
        except NotFoundError:
            await self._declare_consumer(spec)
            info = await self.bus.jetstream.consumer_info(spec.stream, spec.name)
        return info

    async def _oldest(self, consumer: ConsumerSpec) -> datetime | None:
        """When the first message for a consumer was stored that is still there: what is acked is gone.

        The whole message comes along: there is no other way to ask.
        """
        try:
            found = await self.bus.jetstream.get_msg(
                consumer.stream, seq=1, subject=consumer.filter_subject, next=True
            )
        except NotFoundError:
            return None  # done, or purged, meanwhile
        return found.time

    async def _declare_all(self) -> None:
        started = time.monotonic()
        try:
            for spec in self.specs:
                await self._declare_stream(spec)
            for consumer in self._consumers.values():
                await self._declare_consumer(consumer)
        except (APIError, nats.errors.Error, TimeoutError) as error:
            raise StreamsUnavailable(f"JetStream did not take the streams: {error}") from error
        self._declared_at = started

    async def _declare_stream(self, spec: StreamSpec) -> None:
        wanted = spec.config()
        try:
            found = (await self.bus.jetstream.stream_info(spec.name)).config
        except NotFoundError:
            await self._create_stream(spec, wanted)
            return
        drift = drift_of(wanted, found)
        if not drift:
            return
        try:
            # What an operator set beside our fields (placement, compression, metadata) stays.
            await self.bus.jetstream.update_stream(
                found.evolve(**{name: getattr(wanted, name) for name in drift})
            )
        except APIError as error:
            if error.code == UNAVAILABLE:
                raise
            raise LayoutMismatch(
                f"stream {spec.name} differs in {', '.join(drift)} and cannot be changed: {error.description}"
            ) from error
        log.warning("stream.updated", stream=spec.name, fields=drift)

    async def _create_stream(self, spec: StreamSpec, wanted: api.StreamConfig) -> None:
        try:
            await self.bus.jetstream.add_stream(wanted)
            log.info("stream.created", stream=spec.name)
        except APIError as error:
            if error.code == UNAVAILABLE:
                raise
            if error.err_code not in NAME_IN_USE:  # otherwise another process was quicker
                raise LayoutMismatch(f"stream {spec.name} cannot be made: {error.description}") from error

    async def _declare_consumer(self, spec: ConsumerSpec) -> None:
        try:
            await self.bus.jetstream.add_consumer(spec.stream, spec.config())
        except APIError as error:
            if error.code in (UNAVAILABLE, NOT_FOUND):  # the stream went in between: declare again
                raise
            raise LayoutMismatch(
                f"consumer {spec.name} of {spec.stream} cannot be made or changed: {error.description}"
            ) from error


DECLARED = (
    "subjects",
    "retention",
    "max_bytes",
    "discard",
    "max_msgs_per_subject",
    "discard_new_per_subject",
    "duplicate_window",
    "max_age",
    "storage",
    "num_replicas",
)


def drift_of(wanted: api.StreamConfig, found: api.StreamConfig) -> list[str]:
    """The declared fields in which the server's configuration differs."""
    return [name for name in DECLARED if getattr(wanted, name) != (getattr(found, name) or _absent(name))]


def _absent(name: str) -> object:
    """What the server means by leaving a field out."""
    return {"max_age": 0.0, "discard_new_per_subject": False, "duplicate_window": 0.0}.get(name)
