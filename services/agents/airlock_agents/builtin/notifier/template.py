"""Texts with places for values: `{scan.summary.total}`. A value is looked up and spelled, and never run.

{path}           the value; names and numbers into lists, with dots: {scan.findings.0.file}
{path|nothing}   the same, or the text behind the bar where there is no value
{#path}          how many members a list or an object has
\\{ \\} \\\\         a brace, a backslash
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from airlock_sdk import Failure
from airlock_sdk.printable import one_line

MAX_PLACES = 200
MAX_VALUE = 1000  # characters of one value
MAX_LISTED = 10  # members of a list, or of an object, in one place

_TOKEN = re.compile(r"\\[\\{}]|\{(#?)([^{}|\\]*)(?:\|([^{}]*))?\}|[{}]")
_PATH = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){0,19}")
_INDEX = re.compile(r"[0-9]{1,9}")  # no list is longer, and Python refuses thousands of digits


def filled(template: str, values: Mapping[str, Any]) -> str:
    """Answer the template with its values.

    Raises Failure `agent.template_invalid` for what is none of the four forms, and `agent.template_failed`
    for a value that is missing or null where no default is given; both with line and column.
    """
    count = 0
    parts: list[str] = []
    end = 0
    for token in _TOKEN.finditer(template):
        parts.append(template[end : token.start()])
        end = token.end()
        if token[0].startswith("\\"):
            parts.append(token[0][1])
            continue
        count += 1
        if count > MAX_PLACES:
            raise _failure("agent.template_invalid", template, token, f"a template has {MAX_PLACES} places")
        if token[2] is None:
            raise _failure("agent.template_invalid", template, token, "a brace without its other half")
        parts.append(_place(template, token, values))
    return "".join(parts) + template[end:]


def spelled(value: Any) -> str:
    """Spell a value for people: texts as they are, short lists and flat objects without brackets."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(_is_plain(one) for one in value):
        return _some([spelled(one) for one in value])
    if isinstance(value, dict) and value and all(_is_plain(one) for one in value.values()):
        return _some([f"{key} {spelled(one)}" for key, one in value.items()])
    return json.dumps(value, ensure_ascii=False)


def look_up(path: str, values: Any) -> Any:
    """Answer the value at a path. Raises KeyError, whose text says where the path ends."""
    value = values
    parts = path.split(".")
    for depth, part in enumerate(parts):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and _INDEX.fullmatch(part) and int(part) < len(value):
            value = value[int(part)]
        else:
            before = ".".join(parts[:depth]) or "the values"
            raise KeyError(f"there is no {part!r} in {before}{_members(value)}")
    return value


def _place(template: str, token: re.Match[str], values: Mapping[str, Any]) -> str:
    counted, path, default = token[1] == "#", token[2].strip(), token[3]
    if not _PATH.fullmatch(path):
        raise _failure("agent.template_invalid", template, token, "this is no path (names with dots)")
    try:
        value = look_up(path, values)
    except KeyError as error:
        if default is not None:
            return default
        raise _failure("agent.template_failed", template, token, str(error.args[0])) from error
    if value is None:
        if default is not None:
            return default
        raise _failure("agent.template_failed", template, token, "the value is null")
    if counted:
        if not isinstance(value, list | dict):
            raise _failure("agent.template_failed", template, token, "only lists and objects have a count")
        return str(len(value))
    return one_line(spelled(value), MAX_VALUE)


def _failure(code: str, template: str, token: re.Match[str], why: str) -> Failure:
    line = template.count("\n", 0, token.start()) + 1
    column = token.start() - template.rfind("\n", 0, token.start())
    place = one_line(token[0], 100)
    message = f"line {line}, column {column} of the template: {place}: {one_line(why, 400)}"
    return Failure(code, message, details={"place": place, "line": line, "column": column})


def _members(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        return f"; there are: {_some([str(name) for name in value])}"
    if isinstance(value, list):
        return f", which has {len(value)} members"
    return ""


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _some(texts: list[str]) -> str:
    more = len(texts) - MAX_LISTED
    return ", ".join(texts[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
