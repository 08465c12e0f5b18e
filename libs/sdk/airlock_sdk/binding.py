"""From the input document to the type an author's function asks for, and back."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airlock_sdk.failure import Failure


def input_type(function: Callable[..., Any]) -> Any:
    """Answer the annotation of the function's first parameter (None without one)."""
    code = function.__code__
    if not code.co_argcount:
        raise TypeError(f"{function.__name__} takes the input and the context")
    if not function.__annotations__:
        return None
    return typing.get_type_hints(function).get(code.co_varnames[0])


def bind(value: Any, wanted: Any, pointer: str = "") -> Any:
    """Turn a JSON value into the dataclasses that `wanted` names; everything else stays as it is.

    The schema has been checked already; this only raises a Failure `agent.input_unexpected`, with the JSON
    pointer, where the schema and the dataclass disagree.
    """
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        candidates = [one for one in typing.get_args(wanted) if one is not type(None)]
        return value if value is None or len(candidates) != 1 else bind(value, candidates[0], pointer)
    arguments = typing.get_args(wanted)
    if origin in (list, Sequence) and arguments and isinstance(value, list):
        (item,) = arguments
        return [bind(one, item, f"{pointer}/{index}") for index, one in enumerate(value)]
    if origin in (dict, Mapping) and arguments and isinstance(value, dict):
        _, item = arguments
        return {key: bind(one, item, f"{pointer}/{key}") for key, one in value.items()}
    if typing.is_typeddict(wanted) and isinstance(value, dict):
        hints = typing.get_type_hints(wanted)
        return {key: bind(one, hints.get(key), f"{pointer}/{key}") for key, one in value.items()}
    if not (isinstance(wanted, type) and hasattr(wanted, "__dataclass_fields__")):
        return value
    if not isinstance(value, Mapping):
        raise Failure("agent.input_unexpected", f"expected an object at {pointer or '/'}")
    hints = typing.get_type_hints(wanted)
    try:
        return wanted(
            **{key: bind(one, hints.get(key), f"{pointer}/{key}") for key, one in value.items()},
        )
    except TypeError as error:  # a missing or an unknown property
        raise Failure("agent.input_unexpected", f"at {pointer or '/'}: {error}") from error


def plain(value: Any) -> Any:
    """Turn dataclasses within an output into JSON objects."""
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
