"""Bodies: read with a limit that is counted while they come, then parsed strictly."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from airlock_contracts.problems import Finding
from fastapi import Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from ..errors import MAX_FINDINGS, BodyTooLarge, InvalidRequest, UnsupportedMediaType
from ..operations import documents, findings
from ..operations.documents import Document, DocumentFormat

MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_MODEL_BYTES = 64 * 1024
_IDLE_SECONDS = 30.0  # how long the next piece of a body may take
_WHOLE_SECONDS = 120.0  # and how long all of it
_INLINE_BYTES = 16 * 1024  # larger ones are parsed in a thread

_FORMATS = {
    "application/json": DocumentFormat.JSON,
    "application/yaml": DocumentFormat.YAML,
    "application/x-yaml": DocumentFormat.YAML,
    "text/yaml": DocumentFormat.YAML,
    "text/x-yaml": DocumentFormat.YAML,
}
BODY_SCHEMAS: dict[str, Any] = {}
"""What the schemas of bodies refer to, by name: the description of the API holds them too."""
_SPACE = re.compile(r"[ \t\n\r]*")
Model = TypeVar("Model", bound=BaseModel)


async def pieces(request: Request, whole_seconds: float = _WHOLE_SECONDS) -> AsyncIterator[bytes]:
    """A body as it comes. Raises InvalidRequest when it stops coming, or takes longer than it may."""
    stream = request.stream()
    loop = asyncio.get_running_loop()
    end = loop.time() + whole_seconds
    while True:
        try:
            async with asyncio.timeout_at(min(loop.time() + _IDLE_SECONDS, end)):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise InvalidRequest(
                f"the body stopped coming for {_IDLE_SECONDS:g} s, or took longer than {whole_seconds:g} s"
            ) from error
        except ClientDisconnect as error:
            raise InvalidRequest("the body was cut off") from error
        if piece is None:
            return
        yield piece


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes of it. Raises BodyTooLarge as soon as it is more."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in pieces(request):
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


async def read_document(request: Request) -> Document:
    """The body as a document, YAML or JSON by its Content-Type. Raises UnsupportedMediaType."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (format_ := _FORMATS.get(media_type)) is None:
        raise UnsupportedMediaType(
            f"Content-Type is {media_type[:100] or 'missing'}", hint=f"Send {' or '.join(_FORMATS)}."
        )
    body = await read_body(request, MAX_DOCUMENT_BYTES)
    if len(body) <= _INLINE_BYTES:
        return documents.read_document(body, format_)
    return await asyncio.to_thread(documents.read_document, body, format_)


async def read_json(body: bytes, model: type[Model]) -> Model:
    """A body that was read as a strict model, JSON. Raises InvalidDocument, InvalidRequest."""
    if len(body) <= _INLINE_BYTES:
        return as_model(documents.read_document(body, DocumentFormat.JSON), model)
    return as_model(await asyncio.to_thread(documents.read_document, body, DocumentFormat.JSON), model)


def member(body: bytes, name: str) -> bytes | None:
    """The bytes of one member of a JSON object, as they stand in it. The body has been parsed before."""
    text = body.decode()
    decoder = json.JSONDecoder()
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)  # behind the colon
        _, end = decoder.raw_decode(text, start)
        if key == name:
            return text[start:end].encode()
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return None


def takes(model: type[BaseModel], *, yaml: bool = False, required: bool = True) -> dict[str, Any]:
    """A route's `requestBody` for OpenAPI: bodies are read by us, with limits, and not by the framework."""
    schema = model.model_json_schema(mode="validation", ref_template="#/components/schemas/{model}")
    BODY_SCHEMAS.update(schema.pop("$defs", {}))
    media_types = ("application/json", "application/yaml") if yaml else ("application/json",)
    content = {media_type: {"schema": schema} for media_type in media_types}
    return {"requestBody": {"required": required, "content": content}}


async def read_model(request: Request, model: type[Model], *, empty: bytes | None = None) -> Model:
    """The body as a strict model, JSON. Unknown fields are refused. Raises InvalidRequest."""
    body = await read_body(request, MAX_MODEL_BYTES) or empty or b""
    return as_model(documents.read_document(body, DocumentFormat.JSON), model)


async def read_foreign(request: Request, model: type[Model], limit: int) -> Model:
    """The body as a model that others made, JSON: fields that are not known here are passed over.

    Raises BodyTooLarge, InvalidDocument, InvalidRequest with every problem.
    """
    body = await read_body(request, limit)

    def read() -> Model:
        return findings.validate(documents.read_document(body, DocumentFormat.JSON), model, InvalidRequest)

    return read() if len(body) <= _INLINE_BYTES else await asyncio.to_thread(read)


def as_model(document: Document, model: type[Model]) -> Model:
    """A document as a strict model. Raises InvalidRequest with every problem."""
    if isinstance(document.value, dict):
        unknown = [key for key in document.value if key not in model.model_fields]
        if unknown:
            listed = [
                Finding(
                    place=key[:200],
                    code="field.extra_forbidden",
                    message="unknown field" + findings.did_you_mean(key, model.model_fields),
                )
                for key in unknown[:MAX_FINDINGS]
            ]
            near = findings.did_you_mean(unknown[0], model.model_fields)
            raise InvalidRequest(f"unknown field {unknown[0][:200]!r}{near}", errors=listed)
    return findings.validate(document, model, InvalidRequest)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes", limit=limit)
