"""Logs: one JSON object per line, for our own events and for every library's."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from . import names
from .otlp.batches import bytes_at_most
from .secrets import mask
from .traces import current_ids

MAX_TEXT = 8 * 1024
"""Characters of one text in a log line; a longer one is cut and says so."""
MAX_ITEMS = 64
MAX_DEPTH = 4
QUIET = {
    "asyncpg.pool": logging.ERROR,
    "nats": logging.CRITICAL,
    "asyncio": logging.WARNING,
    "httpx2": logging.WARNING,
    "opentelemetry": logging.CRITICAL,
    "urllib3": logging.ERROR,
    "uvicorn": logging.WARNING,
}
"""Libraries that say at INFO or ERROR what we already say once ourselves."""

Carry = Callable[[Mapping[str, Any], int], None]
"""Takes a line's fields, masked and bounded, and its size; never waits and raises nothing."""


class _Beside:
    """Where lines go beside the stream; nowhere unless `also_to` says."""

    carry: Carry | None = None


def get_logger(name: str) -> Any:
    """A logger whose first argument is an event name such as `attempt.finished`, then fields."""
    return structlog.stdlib.get_logger(name)


def configure_logs(
    *, service: str, version: str, level: str = "INFO", json: bool = True, stream: TextIO | None = None
) -> None:
    """Send all logs of this process to one stream (stdout unless given), once, at its start.

    `level` is a name of the standard library. With `json` false the lines are for people at a terminal.
    """
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.ExtraAdder(),
        _add_logger_name,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _drop_meta,
        _stamp(service, version),
        _add_trace,
        _mask_secrets,
        _bound_values,
    ]
    final: Processor = render if json else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[*shared, _carried(final)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
    logging.captureWarnings(True)


def also_to(carry: Carry | None) -> None:
    """Hand each line to `carry` too, as it goes to the stream; None ends that."""
    _Beside.carry = carry


def carry_alone(fields: Mapping[str, Any], size: int) -> None:
    """Hand a line where lines go beside the stream, and not to the stream itself, if there is such a place.

    `fields` are masked and bounded already, and have `timestamp`, `level` and `event`.
    """
    if _Beside.carry is not None:
        _Beside.carry(fields, size)


def is_carried() -> bool:
    """Whether lines go anywhere beside the stream: else nobody need make one."""
    return _Beside.carry is not None


@contextmanager
def bind(**ids: str | int | None) -> Iterator[None]:
    """Put ids (run, node, attempt, agent, host, ...) on every line logged inside, in this task."""
    with bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


def bind_process(**ids: str | int) -> None:
    """Put ids on every line of this task and of those it starts, for good."""
    bind_contextvars(**ids)


def bound_ids() -> dict[str, Any]:
    """The ids that a line logged here would have, the trace's and the current span's among them."""
    return dict(_add_trace(None, "", dict(get_contextvars())))


def render(_: WrappedLogger, __: str, event: EventDict) -> str:
    """One JSON line: control characters are escaped, what JSON cannot say is written as text."""
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    try:
        return orjson.dumps(event, default=repr, option=options).decode()
    except orjson.JSONEncodeError:  # a lone surrogate, an integer beyond 64 bits, a circle
        return orjson.dumps({key: _plain(value) for key, value in event.items()}).decode()


def _carried(final: Processor) -> Processor:
    """The last processor, which makes the line's text; it goes beside the stream as it goes to it."""

    def carried(logger: WrappedLogger, method: str, event: EventDict) -> Any:
        carry = _Beside.carry
        if carry is None or event.get(names.LOG_EVENT) in names.AGENT_EVENTS:
            return final(logger, method, event)
        fields = dict(event)  # a renderer for people takes it apart
        text = final(logger, method, event)
        carry(fields, bytes_at_most(text) if isinstance(text, str) else 0)
        return text

    return carried


def _plain(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


def _stamp(service: str, version: str) -> Processor:
    def stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        head: EventDict = {
            names.LOG_TIMESTAMP: now,
            names.LOG_LEVEL: event.pop("level", "info"),
            names.LOG_EVENT: event.pop("event", ""),
            names.LOG_SERVICE: service,
            names.LOG_VERSION: version,
        }
        # A library may have fields of these names: they are its own, not when and where this line is from.
        head.update({f"extra_{key}" if key in head else key: value for key, value in event.items()})
        return head

    return stamp


def _drop_meta(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key in ("_from_structlog", "_logger", "_name"):
        event.pop(key, None)
    return event


def _add_logger_name(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    record = event.pop("_record", None)
    if isinstance(record, logging.LogRecord):
        event["level"] = record.levelname.lower()
        event[names.LOG_LOGGER] = record.name
    return event


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    ids = current_ids()
    if ids is not None:
        event[names.LOG_TRACE], event[names.LOG_SPAN] = ids
    return event


def _mask_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: mask(key, value) for key, value in event.items()}


def _bound_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: _bounded(value, 0) for key, value in event.items()}


def _bounded(value: Any, depth: int) -> Any:
    """Cut what is too long, too many or too deep, so that no line can grow without end."""
    if isinstance(value, str):
        if len(value) <= MAX_TEXT:
            return value
        return f"{value[: MAX_TEXT // 2]} ... ({len(value)} characters) ... {value[-MAX_TEXT // 2 :]}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth >= MAX_DEPTH:
            return f"<{type(value).__name__} of {len(value)}>"
        if isinstance(value, Mapping):
            return {str(k): _bounded(v, depth + 1) for k, v in list(value.items())[:MAX_ITEMS]}
        return [_bounded(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return value


# From the first import on: what is logged before `configure_logs` goes through the standard library too.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=False,
)
