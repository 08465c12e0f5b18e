"""The bus: NATS for requests and broadcasts, JetStream for work that must not be lost."""

from .acks import AckTable, Later, Permanent, ShuttingDown
from .connection import Bus, Subscription
from .consumer import Consumer
from .dead_letters import DeadLetters
from .errors import (
    BusClosed,
    BusError,
    BusUnavailable,
    LayoutMismatch,
    NoAnswer,
    PublishRefused,
    PublishUnknown,
    StreamsUnavailable,
)
from .layout import Layout, LayoutSizes
from .message import Message, MessageKey
from .options import BusOptions, Request
from .publisher import Ack, AlreadyThere, Outcome, Outgoing, Published, Publisher
from .streams import ConsumerSpec, Retention, Streams, StreamSpec
from .work import EachMessage, InBatches

__all__ = [
    "Ack",
    "AckTable",
    "AlreadyThere",
    "Bus",
    "BusClosed",
    "BusError",
    "BusOptions",
    "BusUnavailable",
    "Consumer",
    "ConsumerSpec",
    "DeadLetters",
    "EachMessage",
    "InBatches",
    "Later",
    "Layout",
    "LayoutMismatch",
    "LayoutSizes",
    "Message",
    "MessageKey",
    "NoAnswer",
    "Outcome",
    "Outgoing",
    "Permanent",
    "PublishRefused",
    "PublishUnknown",
    "Published",
    "Publisher",
    "Request",
    "Retention",
    "ShuttingDown",
    "StreamSpec",
    "Streams",
    "StreamsUnavailable",
    "Subscription",
]
