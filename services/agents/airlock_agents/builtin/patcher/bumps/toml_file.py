"""Dependencies in TOML: pyproject.toml (PEP 621, PEP 735, Poetry) and Pipfile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError

from ..reason import Reason
from .bump import Bump, raised_constraint, raised_requirement, requirement_name

_POETRY = ("dependencies", "dev-dependencies")
_PIPFILE = ("packages", "dev-packages")


@dataclass(frozen=True, slots=True)
class _Declared:
    """A place that declares a dependency: `holder[key]` is its requirement or constraint."""

    where: str
    name: str
    holder: Any
    key: Any
    is_requirement: bool  # name and version in one text (PEP 508), or the version alone


def declared(text: str, *, pipfile: bool) -> list[str]:
    """List the names that a file declares. Raises ValueError for what is no TOML."""
    return [one.name for one in _places(_parse(text), pipfile=pipfile)]


def raised(text: str, bump: Bump, *, pipfile: bool) -> str | Reason | None:
    """Answer the file with the dependency raised; None if it does not declare it."""
    try:
        document = _parse(text)
    except ValueError:
        return Reason("the file is no valid TOML")
    found = [one for one in _places(document, pipfile=pipfile) if bump.means(one.name, "python")]
    if not found:
        return None
    if len(found) > 1:
        places = ", ".join(one.where for one in found)
        return Reason(f"it stands there {len(found)} times ({places}): say which by a replacement")
    (place,) = found
    old = place.holder[place.key]
    if place.is_requirement:
        new = raised_requirement(str(old), bump.to)
    else:
        new = raised_constraint(str(old), bump.to, "python")
    if isinstance(new, Reason):
        return new
    place.holder[place.key] = tomlkit.string(new, literal=old.as_string().startswith("'"))
    return str(tomlkit.dumps(document))


def _parse(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except (ParseError, RecursionError) as error:
        raise ValueError("no TOML") from error


def _places(document: Any, *, pipfile: bool) -> Iterator[_Declared]:
    if pipfile:
        for table in _PIPFILE:
            yield from _constraints(table, document.get(table))
        return
    project = _table(document.get("project"))
    yield from _requirements("project.dependencies", project.get("dependencies"))
    for extra, items in _table(project.get("optional-dependencies")).items():
        yield from _requirements(f"project.optional-dependencies.{extra}", items)
    for group, items in _table(document.get("dependency-groups")).items():
        yield from _requirements(f"dependency-groups.{group}", items)
    yield from _requirements("build-system.requires", _table(document.get("build-system")).get("requires"))
    poetry = _table(_table(document.get("tool")).get("poetry"))
    for table in _POETRY:
        yield from _constraints(f"tool.poetry.{table}", poetry.get(table))
    for group, content in _table(poetry.get("group")).items():
        yield from _constraints(f"tool.poetry.group.{group}", _table(content).get("dependencies"))


def _requirements(where: str, items: Any) -> Iterator[_Declared]:
    for index, item in enumerate(items if isinstance(items, list) else []):
        name = requirement_name(item) if isinstance(item, str) else None
        if name is not None:
            yield _Declared(where, name, items, index, is_requirement=True)


def _constraints(where: str, table: Any) -> Iterator[_Declared]:
    for name, value in _table(table).items():
        if isinstance(value, str):
            yield _Declared(where, name, table, name, is_requirement=False)
        elif isinstance(value, dict) and isinstance(value.get("version"), str):
            yield _Declared(where, name, value, "version", is_requirement=False)


def _table(value: Any) -> Any:
    return value if isinstance(value, dict) else {}
