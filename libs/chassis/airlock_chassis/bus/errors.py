"""What can go wrong on the bus.

BusError
├── BusUnavailable   the given address did not answer, or refused us, at the start
├── BusClosed        the connection ended for good; the process should end too
├── NoAnswer         a request got no answer in time, or nobody listens
│   └── StreamsUnavailable   JetStream did not take the streams
├── LayoutMismatch   a stream or consumer exists and cannot be made what was declared
├── PublishUnknown   no acknowledgement in time; the message may or may not be stored
└── PublishRefused   the stream said no, for a reason other than "still there"
"""

from ..fatal import Fatal


class BusError(Exception):
    """Base of everything raised by the bus."""


class BusUnavailable(BusError, Fatal):
    """The given NATS address did not answer in time, or refused the credentials."""


class BusClosed(BusError):
    """The connection to NATS ended for good."""


class NoAnswer(BusError):
    """Nobody answered the request in time. It may still have been received."""


class StreamsUnavailable(NoAnswer, Fatal):
    """JetStream does not answer, is off, or may not be used: the streams could not be declared."""


class LayoutMismatch(BusError, Fatal):
    """A stream or consumer exists with a configuration that cannot be changed to the declared one."""


class PublishUnknown(BusError):
    """No acknowledgement came in time: the message may or may not be stored."""


class PublishRefused(BusError):
    """The stream refused the message, for example because it is full."""
