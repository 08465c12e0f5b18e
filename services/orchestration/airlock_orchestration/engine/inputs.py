"""Resolving a node's input: the one time that templates become the bytes which are shown, hashed and run."""

import json
from collections.abc import Mapping
from typing import Any

from airlock_contracts import failures
from airlock_contracts.failures import Failure, FailureKind

from .schemas import Validator
from .templates import Template, TemplateFailed

MAX_INPUT_BYTES = 512 * 1024
"""Of the serialised input, and of a preview: the invocation is one message of at most 1 MB."""
MAX_STEP_BYTES = 64 * 1024 * 1024
"""Of all inputs that one step resolves: they are written by one statement, which has seconds, not minutes."""


def more_than_a_step_opens(size: int) -> Failure | None:
    """The failure of a node whose input takes `size` bytes with those opened beside it; None if that fits."""
    if size <= MAX_STEP_BYTES:
        return None
    message = (
        f"this input and those of the nodes that start with it take more than {MAX_STEP_BYTES} bytes "
        "together: pass what is large as an artifact"
    )
    return _contract(failures.INPUT_TOO_LARGE, message, {"limit_bytes": MAX_STEP_BYTES})


def resolve_input(template: Template, validator: Validator, values: Mapping[str, Any]) -> bytes | Failure:
    """Render a node's inputs and serialise them, once: compact JSON in UTF-8, keys in their order.

    `values` is what `Values.scope()` gives. The failure is of kind contract: `template.failed`,
    `input.too_large` (naming the template that brings most) or `input.schema_mismatch`.
    """
    try:
        value = template.render(values)
        data = _serialise(value)
    except TemplateFailed as error:
        return _template_failed(error)
    except ValueError as error:
        return _contract(failures.TEMPLATE_FAILED, f"the input is not JSON: {error}", {"place": "inputs"})
    if data is None:
        return _too_large("the input", template, values)
    if (problem := validator.problem(value)) is not None:
        where = problem.pointer or "the input as a whole"
        details = {"pointer": problem.pointer, "keyword": problem.keyword}
        return _contract(failures.INPUT_SCHEMA_MISMATCH, f"{where}: {problem.message}", details)
    return data


def render_preview(template: Template, values: Mapping[str, Any]) -> str | Failure:
    """Render a gate's preview: a string as it is, any other value as indented JSON."""
    try:
        value = template.render(values)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        size = len(text.encode())
    except TemplateFailed as error:
        return _template_failed(error)
    except ValueError as error:
        return _contract(failures.TEMPLATE_FAILED, f"the preview is not text: {error}", {"place": "preview"})
    return text if size <= MAX_INPUT_BYTES else _too_large("the preview", template, values)


def _serialise(value: Any) -> bytes | None:
    """Write compact JSON; None as soon as it is too large. Raises ValueError for what JSON cannot say."""
    if not isinstance(value, dict):
        data = _dumps(value)
        return data if len(data) <= MAX_INPUT_BYTES else None
    # Member by member: many templates may name one large output, and the sum is what must stay small.
    members: list[bytes] = []
    size = 1
    for key, member in value.items():
        members.append(_dumps(key) + b":" + _dumps(member))
        size += len(members[-1]) + 1
        if size > MAX_INPUT_BYTES:
            return None
    return b"{" + b",".join(members) + b"}"


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _template_failed(error: TemplateFailed) -> Failure:
    details = {"place": error.place, "expression": error.expression[:1000], "reason": error.reason}
    return _contract(failures.TEMPLATE_FAILED, str(error), details)


def _too_large(what: str, template: Template, values: Mapping[str, Any]) -> Failure:
    parts = list(template.parts(values))  # held, so that an id stays that of one value
    sizes: dict[int, int] = {}
    for _, _, value in parts:
        if id(value) not in sizes:
            sizes[id(value)] = len(_dumps(value))
    details: dict[str, Any] = {"limit_bytes": MAX_INPUT_BYTES}
    message = f"{what} takes more than {MAX_INPUT_BYTES} bytes"
    if parts:
        size, place, expression = max((sizes[id(value)], place, text) for place, text, value in parts)
        details |= {"place": place, "expression": expression[:1000], "bytes": size}
        message += f"; most of it comes from {place}: {expression[:200]} ({size} bytes)"
    return _contract(failures.INPUT_TOO_LARGE, message, details)


def _contract(code: str, message: str, details: dict[str, Any]) -> Failure:
    return Failure(kind=FailureKind.CONTRACT, code=code, message=message[:4000], details=details)
