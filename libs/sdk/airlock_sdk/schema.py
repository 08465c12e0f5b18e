"""JSON Schemas from type hints: what an action's function takes and answers, as its manifest must say it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from airlock_sdk.agent import Agent
from airlock_sdk.artifact import ArtifactReference
from airlock_sdk.bounds import Bounds

ARTIFACT = "airlock:artifact"
"""The one reference that Airlock itself resolves: an artifact, or a workspace."""
_JSON_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
}
_KEYWORDS = {
    "string": {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"},
    "integer": {"minimum": "minimum", "maximum": "maximum"},
    "number": {"minimum": "minimum", "maximum": "maximum"},
    "array": {"min_items": "minItems", "max_items": "maxItems"},
}


class SchemaError(TypeError):
    """A type hint that no JSON Schema can stand for: where it is, and what to write instead."""


@dataclass(frozen=True, slots=True)
class ActionSchemas:
    """What one action's function says about itself; a schema is None where the hint says only `dict`."""

    description: str  # the first sentence of its docstring
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None

    def as_manifest(self) -> dict[str, Any]:
        """As it stands beneath the action's name in `agent.yaml`; an open object where nothing is said."""
        anything = {"type": "object"}
        described = {"description": self.description} if self.description else {}
        return {
            **described,
            "input_schema": self.input_schema or anything,
            "output_schema": self.output_schema or anything,
        }


def actions_of(agent: Agent) -> dict[str, ActionSchemas]:
    """Derive the schemas of each of an agent's actions. Raises SchemaError."""
    return {name: function_schemas(function) for name, function in agent.actions.items()}


def function_schemas(function: Callable[..., Any]) -> ActionSchemas:
    """Derive an action's schemas from its first parameter and its return type. Raises SchemaError."""
    hints = typing.get_type_hints(function, include_extras=True)
    name = function.__name__
    first = next(iter(function.__code__.co_varnames[: function.__code__.co_argcount]), None)
    lines = (function.__doc__ or "").strip().splitlines()
    return ActionSchemas(
        description=lines[0].strip() if lines else "",
        input_schema=_document(hints.get(first or ""), f"{name}: the input", answers=False),
        output_schema=_document(hints.get("return"), f"{name}: the answer", answers=True),
    )


def schema_of(hint: Any, *, answers: bool = False) -> dict[str, Any]:
    """Derive the schema of one type.

    Dataclasses and TypedDicts become closed objects; those inside others stand under `$defs`. A dataclass'
    field with a default may be missing from what comes in, but never from what an action answers (`answers`).
    Raises SchemaError.
    """
    return _Deriving(answers, _bare(hint)).whole(hint)


def _document(hint: Any, place: str, *, answers: bool) -> dict[str, Any] | None:
    if hint is None or hint in (Any, object):
        return None
    bare = _bare(hint)
    origin = typing.get_origin(bare) or bare
    if origin in (dict, Mapping) or _is_mapping(origin):
        return None
    if not _is_record(bare):
        raise SchemaError(f"{place} is an object: a dataclass, a TypedDict or a dict, not {_spelled(hint)}")
    try:
        return schema_of(hint, answers=answers)
    except SchemaError as error:
        raise SchemaError(f"{place}{error}") from error


class _Deriving:
    """One schema in the making: `defs` collects the records that stand inside the root."""

    def __init__(self, answers: bool, root: Any) -> None:
        self._answers = answers
        self._root = root
        self._defs: dict[str, dict[str, Any]] = {}
        self._named: dict[str, Any] = {}

    def whole(self, hint: Any) -> dict[str, Any]:
        if _is_record(self._root) and self._root is not ArtifactReference:
            schema = self._record(self._root, "")
        else:
            schema = self._of(hint, "")
        return {**schema, "$defs": self._defs} if self._defs else schema

    def _of(self, hint: Any, place: str) -> dict[str, Any]:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self._annotated(arguments[0], arguments[1:], place)
        if origin in (typing.Required, typing.NotRequired):
            return self._of(arguments[0], place)
        if hint in (Any, object):
            return {}
        if hint is None or hint is type(None):
            return {"type": "null"}
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments, place)
        if (
            hint in (list, Sequence)
            or origin in (list, Sequence)
            or origin is typing.get_origin(Sequence[int])
        ):
            return {"type": "array", **({"items": self._of(arguments[0], f"{place}[]")} if arguments else {})}
        if origin is dict or _is_mapping(origin):
            return self._dict(arguments, place)
        if hint is ArtifactReference:
            return {"$ref": ARTIFACT}
        if _is_record(hint):
            return self._reference(hint, place)
        if isinstance(hint, type) and hint in _JSON_TYPES:
            return {"type": _JSON_TYPES[hint]}
        raise SchemaError(f"{place}: {_spelled(hint)} has no JSON form; {_instead(hint)}")

    def _annotated(self, hint: Any, notes: Sequence[Any], place: str) -> dict[str, Any]:
        schema = self._of(hint, place)
        for note in notes:
            if isinstance(note, str):
                schema = {**schema, "description": note}
            elif isinstance(note, Bounds):
                schema = {**schema, **_bounds(schema, note, place)}
        return schema

    def _union(self, members: Sequence[Any], place: str) -> dict[str, Any]:
        some = [one for one in members if one is not type(None)]
        if len(some) > 1 and any(dataclasses.is_dataclass(_bare(one)) for one in some):
            raise SchemaError(
                f"{place}: nobody can tell which dataclass of a union is meant; use a TypedDict"
            )
        schemas = [self._of(one, place) for one in some]
        if len(some) == len(members):
            return {"anyOf": schemas}
        if len(some) == 1 and isinstance(schemas[0].get("type"), str):
            return {**schemas[0], "type": [schemas[0]["type"], "null"]}
        if len(some) == 1 and set(schemas[0]) == {"enum"}:
            return {"enum": [*schemas[0]["enum"], None]}
        return {"anyOf": [*schemas, {"type": "null"}]}

    def _dict(self, arguments: Sequence[Any], place: str) -> dict[str, Any]:
        if not arguments:
            return {"type": "object"}
        if _bare(arguments[0]) is not str:
            raise SchemaError(f"{place}: the keys of a JSON object are str, not {_spelled(arguments[0])}")
        values = self._of(arguments[1], f"{place}.*")
        return {"type": "object", "additionalProperties": values} if values else {"type": "object"}

    def _reference(self, record: Any, place: str) -> dict[str, Any]:
        if record is self._root:
            return {"$ref": "#"}
        name = record.__name__
        if name not in self._named:
            self._named[name] = record
            self._defs[name] = {}  # its place in the order, and the end of a circle
            self._defs[name] = self._record(record, place)
        elif self._named[name] is not record:
            raise SchemaError(f"{place}: two types are called {name}; rename one")
        return {"$ref": f"#/$defs/{name}"}

    def _record(self, record: Any, place: str) -> dict[str, Any]:
        hints = typing.get_type_hints(record, include_extras=True)
        if dataclasses.is_dataclass(record):
            fields = {field.name: field for field in dataclasses.fields(record)}
            hints = {name: hints[name] for name in fields}
            required = [name for name, field in fields.items() if self._answers or _has_no_default(field)]
        else:
            required = [name for name, hint in hints.items() if _is_required(record, name, hint)]
        properties = {name: self._of(hint, f"{place}.{name}") for name, hint in hints.items()}
        closed: dict[str, Any] = {"type": "object", "additionalProperties": False}
        return {**closed, **({"required": required} if required else {}), "properties": properties}


def _bounds(schema: dict[str, Any], bounds: Bounds, place: str) -> dict[str, Any]:
    named = schema.get("type")
    kind = next((one for one in named if one != "null"), "") if isinstance(named, list) else named
    known = _KEYWORDS.get(str(kind), {})
    found: dict[str, Any] = {}
    for field in dataclasses.fields(bounds):
        value = getattr(bounds, field.name)
        if value is None:
            continue
        if field.name not in known:
            raise SchemaError(f"{place}: {field.name} is no bound of {kind or 'this type'}")
        found[known[field.name]] = value
    return found


def _bare(hint: Any) -> Any:
    while typing.get_origin(hint) in (typing.Annotated, typing.Required, typing.NotRequired):
        hint = typing.get_args(hint)[0]
    return hint


def _is_mapping(origin: Any) -> bool:
    return origin is Mapping or origin is typing.get_origin(Mapping[str, int])


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or typing.is_typeddict(hint))


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _is_required(record: Any, name: str, hint: Any) -> bool:
    # With `from __future__ import annotations` the class itself cannot tell: the hint can.
    if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
        return typing.get_origin(hint) is typing.Required
    return name in record.__required_keys__


def _spelled(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _instead(hint: Any) -> str:
    origin = typing.get_origin(hint) or hint
    if origin in (tuple, set, frozenset):
        return "write list[...]"
    if isinstance(hint, type) and hint.__mro__[-2].__name__ == "Enum":
        return "write Literal[...]"
    return "write str, int, float, bool, list, dict, Literal, a TypedDict or a dataclass"
