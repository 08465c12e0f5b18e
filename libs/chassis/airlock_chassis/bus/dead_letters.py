"""Dead letters: messages that can never be handled, kept with their cause for a person to look at."""

from datetime import UTC, datetime

from airlock_contracts.messages import DeadLetter
from airlock_contracts.subjects import Subjects

from ..telemetry.logs import get_logger
from ..telemetry.metrics import dead_letters_total
from .errors import BusError
from .message import Message
from .publisher import Publisher

log = get_logger(__name__)

MAX_BODY_BYTES = 640 * 1024
"""Of the payload; with the header it stays far below NATS' limit of one message."""
MAX_CAUSE = 4000
ORIGINAL_BYTES = "Airlock-Original-Bytes"


class DeadLetters:
    """Writes dead letters into their stream."""

    def __init__(self, publisher: Publisher, subjects: Subjects) -> None:
        self._publisher = publisher
        self._subjects = subjects

    async def write(self, message: Message, cause: str) -> bool:
        """Store the message with its cause; False when the stream did not take it."""
        header = DeadLetter(
            stream=message.stream,
            subject=message.subject,
            sequence=message.sequence,
            cause=_clean(cause)[:MAX_CAUSE],
            at=datetime.now(UTC),
        )
        headers = {key: value for key, value in message.headers.items() if key.lower() == "traceparent"}
        headers[ORIGINAL_BYTES] = str(len(message.payload))
        try:
            await self._publisher.publish(
                self._subjects.dead_letter(message.stream),
                header.encode(message.payload[:MAX_BODY_BYTES]),
                msg_id=f"{message.stream}/{message.sequence}/{message.key.stored_at_ns}",
                headers=headers,
            )
        except BusError as error:
            log.warning("dead_letter.not_stored", subject=message.subject, reason=str(error))
            return False
        dead_letters_total.labels(stream=message.stream).inc()
        log.error(
            "message.dead_lettered",
            subject=message.subject,
            stream=message.stream,
            sequence=message.sequence,
            cause=header.cause,
        )
        return True


def _clean(text: str) -> str:
    """The text without what JSON or UTF-8 cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()
