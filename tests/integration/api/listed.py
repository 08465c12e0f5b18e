"""The lists that the API has, by its own description: a list is what answers a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PAGED = frozenset({"limit", "cursor", "before", "after"})
"""Parameters that choose a part of a list, whatever is in it."""


async def lists(rig: Any) -> Mapping[str, frozenset[str]]:
    """The query parameters of each list, by its path."""
    described = (await rig.client.get("/openapi.json")).json()
    return {
        path: frozenset(one["name"] for one in methods["get"]["parameters"] if one["in"] == "query")
        for path, methods in described["paths"].items()
        if "get" in methods and _schema(methods["get"]).startswith("Page_")
    }


async def filters(rig: Any) -> set[tuple[str, str]]:
    """Each list's path with each of its filters."""
    return {(path, name) for path, names in (await lists(rig)).items() for name in names - _PAGED}


def _schema(operation: Mapping[str, Any]) -> str:
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
    return str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
