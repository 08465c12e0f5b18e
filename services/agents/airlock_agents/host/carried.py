"""What an agent says, as the collector gets it: line by line, a stream of its own, with the attempt's ids."""

from typing import Any

from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.logs import bound_ids, carry_alone, is_carried
from airlock_contracts.logs import LogLine

_AROUND_BYTES = 512
"""Ids and names of fields around a line's own text."""


class Carried:
    """The lines of one attempt. Make it where the attempt's ids are bound."""

    def __init__(self) -> None:
        self._ids = bound_ids()

    def add(self, line: LogLine, size: int) -> None:
        """Hand over a line, neutral, masked and bounded already; does nothing without a collector."""
        if not is_carried():
            return
        fields: dict[str, Any] = {
            names.LOG_TIMESTAMP: line.at.isoformat(),
            names.LOG_LEVEL: line.level.value,
            names.LOG_EVENT: line.message,
            names.LOG_STREAM: names.STREAM_AGENT,
            "stream": line.stream.value,
            "line": line.number,
            "fields": line.fields,
            "fraction": line.fraction,
        }
        carry_alone(self._ids | fields, size + _AROUND_BYTES)
