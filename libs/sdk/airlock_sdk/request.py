"""What the host asks of an agent: one request, with its input and the artifacts that follow it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from airlock_sdk.artifact import MAX_SIZE, ArtifactReference, is_reference
from airlock_sdk.failure import ProtocolError
from airlock_sdk.frames import BoundedReader, body_size, read_header

MAX_INPUT = 1024 * 1024  # bytes of the input document; Airlock itself stops at 512 KiB
MAX_ARTIFACTS = 64  # artifacts of one invocation

Receive = Callable[[str, ArtifactReference, BoundedReader], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt at an invocation, as the host spelled it."""

    invocation: str  # <run>/<node>
    attempt: str  # <run>/<node>/<number>
    idempotency_key: str  # the same on each attempt
    action: str
    deadline: datetime | None  # UTC
    traceparent: str | None  # W3C Trace Context
    inputs: dict[str, Any]
    takes_spans: bool = False  # whether the host takes span frames


def read_request(source: BinaryIO, receive: Receive) -> Request | None:
    """Read the request and hand each artifact to `receive` as it arrives; None when the host hung up first.

    Raises ProtocolError for anything that is not airlock/1, and for an artifact whose bytes are not those
    that its digest names.
    """
    header = read_header(source)
    if header is None:
        return None
    if header["type"] != "request" or header.get("v") != 1:
        raise ProtocolError(f"expected a request of version 1, not {header['type']!s:.40}")
    size = body_size(header, MAX_INPUT)
    announced = header.get("artifacts") or []
    if not isinstance(announced, list) or len(announced) > MAX_ARTIFACTS:
        raise ProtocolError(f"an invocation has at most {MAX_ARTIFACTS} artifacts")
    request = Request(
        invocation=_text(header, "invocation"),
        attempt=_text(header, "attempt"),
        idempotency_key=_text(header, "idempotency_key"),
        action=_text(header, "action"),
        deadline=_deadline(header.get("deadline")),
        traceparent=_text(header, "traceparent") if header.get("traceparent") else None,
        inputs=_inputs(_whole(BoundedReader(source, size))),
        takes_spans=_accepts(header, "span"),
    )
    for item in announced:
        pointer, reference = _announced(item)
        body = BoundedReader(source, reference["size"])
        receive(pointer, reference, body)
        if body.digest() != reference["artifact"]:
            raise ProtocolError(f"the artifact at {pointer} arrived damaged")
    return request


def _whole(body: BoundedReader) -> bytes:
    parts = []
    while part := body.read():
        parts.append(part)
    return b"".join(parts)


def _inputs(raw: bytes) -> dict[str, Any]:
    try:
        inputs = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the input is a JSON object in UTF-8") from error
    if not isinstance(inputs, dict):
        raise ProtocolError("the input is a JSON object")
    return inputs


def _announced(item: Any) -> tuple[str, ArtifactReference]:
    if isinstance(item, dict) and isinstance(pointer := item.get("pointer"), str):
        reference = {key: item.get(key) for key in ("artifact", "size", "media_type")}
        if is_reference(reference) and reference["size"] <= MAX_SIZE:
            return pointer, reference
    raise ProtocolError("an artifact is announced with pointer, artifact, size and media_type")


def _accepts(header: dict[str, Any], frame: str) -> bool:
    accepted = header.get("accepts")
    return isinstance(accepted, list) and frame in accepted


def _text(header: dict[str, Any], key: str) -> str:
    value = header.get(key)
    if not isinstance(value, str):
        raise ProtocolError(f"a request has the text {key!r}")
    return value


def _deadline(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError) as error:
        raise ProtocolError("a deadline is a time of RFC 3339") from error
