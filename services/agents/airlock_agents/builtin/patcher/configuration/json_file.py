"""One value of a JSON file: found by reading on from the start, replaced where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..reason import AROUND, Reason
from .setting import ALREADY, MISSING, NO_SCALAR, OTHER_NOW, TWICE, Path, Scalar, Value, same, shown

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object or a list, by the places of its key and its value in the text."""

    key: str | int
    start: int  # of the key, or of a list's value
    value: int
    end: int


def changed(text: str, wished: Value) -> str | Reason:
    """Answer the file with the value set, or why it is left as it is."""
    path = shown(wished.path)
    try:
        document = json.loads(text)
        found = _find(text, wished.path)
        if found is None and wished.add:
            return _checked(document, _added(text, wished), wished)
    except (ValueError, RecursionError):
        return Reason("the file is no valid JSON")
    if isinstance(found, Reason):
        return found
    if found is None:
        return Reason(MISSING.format(path=path))
    start, end = found
    now = json.loads(text[start:end])
    if isinstance(now, list | dict):
        return Reason(NO_SCALAR.format(path=path))
    if wished.now and not same(now, wished.now[0]):
        return Reason(OTHER_NOW.format(path=path))
    if same(now, wished.value):
        return Reason(ALREADY)
    return _checked(document, text[:start] + _spelled(wished.value) + text[end:], wished)


def replaced(text: str, path: Path, value: str) -> str | Reason:
    """Answer the file with a text in place of the value at a path that is there."""
    return changed(text, Value(path, value))


def _find(text: str, path: Path) -> tuple[int, int] | Reason | None:
    """Answer from where to where the value at a path stands."""
    at = _skip(text, 0)
    end = len(text)
    for depth, part in enumerate(path, start=1):
        members = [one for one in _members(text, at) if one.key == part and type(one.key) is type(part)]
        if not members:
            return None
        if len(members) > 1:
            return Reason(TWICE.format(path=shown(path[:depth])))
        at, end = members[0].value, members[0].end
    return at, end


def _added(text: str, wished: Value) -> str | Reason:
    """Answer the file with a new member at the end of an object, laid out as the others are."""
    found = _find(text, wished.path[:-1])
    if not isinstance(found, tuple):
        return found or Reason(MISSING.format(path=shown(wished.path[:-1])))
    members = list(_members(text, found[0]))
    if text[found[0]] != "{" or not members or not isinstance(wished.path[-1], str):
        return Reason(f"nothing can be added to {shown(wished.path[:-1])}: it is no object with members")
    first, last = members[0], members[-1]
    before = text[found[0] + 1 : first.start]
    between = text[_DECODER.raw_decode(text, first.start)[1] : first.value]
    member = f",{before}{_spelled(wished.path[-1])}{between}{_spelled(wished.value)}"
    return text[: last.end] + member + text[last.end :]


def _members(text: str, at: int) -> Iterator[_Member]:
    """Read the members of what stands at a place; there are none of a scalar."""
    kind = text[at]
    if kind not in "{[":
        return
    at = _skip(text, at + 1)
    index = 0
    while text[at] not in "}]":
        start = at
        key: str | int = index
        if kind == "{":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield _Member(key, start, at, end)
        index += 1
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _checked(before: Any, result: str | Reason, wished: Value) -> str | Reason:
    """Trust, but look: read the result again, and compare all but the value."""
    if isinstance(result, Reason):
        return result
    *above, last = wished.path
    holder = before
    for part in above:
        holder = holder[part]
    holder[last] = wished.value
    return result if json.loads(result) == before else Reason(AROUND)


def _spelled(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match is not None else at
