"""What is wished of a configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A value at a path."""

    path: Path
    value: Scalar
    format: str | None = None  # None: by the file's name
    now: tuple[Scalar, ...] = ()  # what must stand there, if it was said
    add: bool = False  # add the last name of the path if it is missing


@dataclass(frozen=True, slots=True)
class User:
    """The user that an image's program runs as."""

    user: str


@dataclass(frozen=True, slots=True)
class Image:
    """What a Dockerfile is built on."""

    image: str
    to: str  # a tag, a digest (@sha256:...), or both


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a GitHub workflow, and the commit that is to be used."""

    action: str
    sha: str
    version: str | None = None


Change: TypeAlias = Value | User | Image | Action


def change_of(wished: Mapping[str, Any]) -> Change:
    """Read a wish of the input; its shape is checked by the schema."""
    match wished["kind"]:
        case "user":
            return User(wished["user"])
        case "image":
            return Image(wished["image"], wished["to"])
        case "action":
            return Action(wished["action"], wished["sha"], wished.get("version"))
        case _:
            now = (wished["from"],) if "from" in wished else ()
            path = tuple(wished["path"])
            return Value(path, wished["value"], wished.get("format"), now, wished.get("add", False))


def same(one: object, other: object) -> bool:
    """Compare two scalars as a person does: 1 is not true, and 1 is 1.0."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def shown(path: Path) -> str:
    """Spell a path for a message."""
    return " > ".join(str(part) for part in path) or "the top"


MISSING = "there is no {path}"
TWICE = "{path} stands there more than once"
NO_SCALAR = "a list or an object stands at {path}"
OTHER_NOW = "at {path} another value stands than was said"
ALREADY = "it has that value already"
