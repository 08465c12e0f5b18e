"""Dependencies in package.json."""

from __future__ import annotations

import json
from typing import Any

from ..configuration import json_file
from ..reason import Reason
from .bump import Bump, raised_constraint

_TABLES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def declared(text: str) -> list[str]:
    """List the names that a file declares. Raises ValueError for what is no JSON object."""
    return [name for _, name, _ in _places(text)]


def raised(text: str, bump: Bump) -> str | Reason | None:
    """Answer the file with the dependency raised; None if it does not declare it."""
    try:
        found = [place for place in _places(text) if bump.means(place[1], "npm")]
    except ValueError:
        return Reason("the file is no valid JSON")
    if not found:
        return None
    if len(found) > 1:
        places = ", ".join(table for table, _, _ in found)
        return Reason(f"it stands there {len(found)} times ({places}): say which by a replacement")
    ((table, name, constraint),) = found
    new = raised_constraint(constraint, bump.to, "npm")
    if isinstance(new, Reason):
        return new
    return json_file.replaced(text, (table, name), new)


def _places(text: str) -> list[tuple[str, str, str]]:
    try:
        document: Any = json.loads(text)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if not isinstance(document, dict):
        raise ValueError("no object")
    return [
        (table, name, constraint)
        for table in _TABLES
        if isinstance(document.get(table), dict)
        for name, constraint in document[table].items()
        if isinstance(constraint, str)
    ]
