"""Looks at a NATS server and at what should exist on it; changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from .connection import Bus
from .errors import NoAnswer
from .streams import ConsumerSpec, StreamSpec, drift_of


@dataclass(frozen=True, slots=True)
class Account:
    """What JetStream lets this account have; -1 means without a limit. Sizes in bytes."""

    server: str
    """Version of the server."""
    storage: int
    max_storage: int
    streams: int
    max_streams: int
    consumers: int
    max_consumers: int


@dataclass(frozen=True, slots=True)
class StreamLook:
    """One stream as it is found. `drift` names the declared fields in which it differs."""

    name: str
    present: bool
    drift: tuple[str, ...] = ()
    messages: int = 0
    bytes: int = 0
    max_bytes: int = 0
    oldest_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ConsumerLook:
    """One consumer as it is found."""

    stream: str
    name: str
    present: bool
    drift: tuple[str, ...] = ()
    waiting: int = 0
    """Messages that were not delivered yet."""
    unacked: int = 0


async def account(bus: Bus) -> Account:
    """Ask what the account has and may have. Raises NoAnswer, also where JetStream is off."""
    try:
        info = await bus.jetstream.account_info()
    except (APIError, nats.errors.Error, TimeoutError) as error:
        raise NoAnswer(f"JetStream does not answer: {error or type(error).__name__}") from error
    return Account(
        server=bus.server_version,
        storage=info.storage,
        max_storage=info.limits.max_storage,
        streams=info.streams,
        max_streams=info.limits.max_streams,
        consumers=info.consumers,
        max_consumers=info.limits.max_consumers,
    )


async def look_at_streams(bus: Bus, specs: Sequence[StreamSpec]) -> list[StreamLook]:
    """Compare streams with what is declared. Raises NoAnswer."""
    return [await _stream(bus, spec) for spec in specs]


async def look_at_consumers(bus: Bus, specs: Sequence[ConsumerSpec]) -> list[ConsumerLook]:
    """Compare consumers with what is declared. Raises NoAnswer."""
    return [await _consumer(bus, spec) for spec in specs]


async def _stream(bus: Bus, spec: StreamSpec) -> StreamLook:
    try:
        found = await bus.jetstream.stream_info(spec.name)
        state = found.state
        oldest = await _stored_at(bus, spec.name, state.first_seq) if state.messages else None
    except NotFoundError:
        return StreamLook(spec.name, present=False)
    except (APIError, nats.errors.Error, TimeoutError) as error:
        raise NoAnswer(f"no word about stream {spec.name}: {error}") from error
    return StreamLook(
        spec.name,
        present=True,
        drift=tuple(drift_of(spec.config(), found.config)),
        messages=state.messages,
        bytes=state.bytes,
        max_bytes=spec.max_bytes,
        oldest_seconds=None if oldest is None else (datetime.now(UTC) - oldest).total_seconds(),
    )


async def _stored_at(bus: Bus, stream: str, sequence: int) -> datetime | None:
    try:
        message = await bus.jetstream.get_msg(stream, seq=sequence)
    except NotFoundError:
        return None  # taken meanwhile
    return message.time


async def _consumer(bus: Bus, spec: ConsumerSpec) -> ConsumerLook:
    try:
        found = await bus.jetstream.consumer_info(spec.stream, spec.name)
    except NotFoundError:
        return ConsumerLook(spec.stream, spec.name, present=False)
    except (APIError, nats.errors.Error, TimeoutError) as error:
        raise NoAnswer(f"no word about consumer {spec.name}: {error}") from error
    return ConsumerLook(
        spec.stream,
        spec.name,
        present=True,
        drift=tuple(_consumer_drift(spec.config(), found.config)),
        waiting=found.num_pending or 0,
        unacked=found.num_ack_pending or 0,
    )


_DECLARED = ("filter_subject", "ack_policy", "ack_wait", "max_ack_pending")


def _consumer_drift(wanted: api.ConsumerConfig, found: api.ConsumerConfig) -> list[str]:
    return [name for name in _DECLARED if getattr(wanted, name) != getattr(found, name)]
