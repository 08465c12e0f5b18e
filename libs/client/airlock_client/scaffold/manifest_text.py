"""The text of an `agent.yaml`: schemas are written anew, the rest stays as its author wrote it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_WIDTH = 110
_BLOCK = re.compile(r"^actions:.*\n(?:(?:[ \t]*\n|#.*\n)*(?:[ \t]+\S|-).*\n)*", re.MULTILINE)
"""Up to its last indented line: empty lines and comments behind that belong to what follows."""
_SCHEMAS = ("input_schema", "output_schema")
_TRAILING = re.compile(r"(?:\s|^[ \t]*#.*\n?)+\Z", re.MULTILINE)
"""Empty lines and comments behind a value: YAML counts them to it."""


class CannotWrite(Exception):
    """Why a manifest was left as it is."""


class _LaidOutOtherwise(Exception):
    """The actions are not a block of blocks: their parts have no lines of their own."""


def with_actions(text: str, actions: Mapping[str, Any]) -> str:
    """The text with this block of actions: in the place of its own, or at its end."""
    block = _dumped({"actions": dict(actions)}, 0) + "\n"
    text = text if text.endswith("\n") else text + "\n"
    if _BLOCK.search(text) is None:
        return text + block
    return _BLOCK.sub(lambda _: block, text, count=1)


def with_schemas(text: str, derived: Mapping[str, Mapping[str, Any]]) -> str:
    """The text with the schemas that functions say of themselves; what else an action has stays.

    Comments stay too, but for those within a schema that changes, and lines end as they did. An action whose
    function is gone goes. Raises CannotWrite for a manifest laid out in another way, or whose lines end in
    two ways: which of them ends a new line?
    """
    ends = "\r\n" if "\r\n" in text else "\n"
    if ends == "\r\n" and text.count("\r\n") != text.count("\n"):
        raise CannotWrite("agent.yaml ends some lines with CRLF and some with LF: end them all in one way")
    text = text.replace("\r\n", "\n")
    document = yaml.safe_load(text)
    known = document.get("actions") if isinstance(document, dict) else None
    if not isinstance(known, dict) or _BLOCK.search(text) is None:
        raise CannotWrite("agent.yaml has no block `actions:` at its left edge")
    actions = {name: _action(known.get(name) or {}, found) for name, found in derived.items()}
    for write in (_part_by_part, lambda *_: with_actions(text, actions)):
        try:
            changed = write(text, known, actions)
        except _LaidOutOtherwise:
            continue
        if _read(changed) == {**document, "actions": actions}:
            return changed.replace("\n", ends)
    raise CannotWrite("agent.yaml is laid out in a way that cannot be kept: write the schemas by hand")


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _action(known: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in known.items() if key not in _SCHEMAS}
    if found.get("description") and not own.get("description"):
        own = {"description": found["description"], **own}
    schemas = {key: found.get(key) or known.get(key) or {"type": "object"} for key in _SCHEMAS}
    return {**own, **schemas}


_Pair = tuple[yaml.Node, yaml.Node]


@dataclass(frozen=True)
class _Edit:
    """A piece of a text, by its ends, and what takes its place."""

    start: int
    end: int
    text: str


def _part_by_part(text: str, known: Mapping[str, Any], actions: Mapping[str, Any]) -> str:
    """Only what changes. Raises _LaidOutOtherwise; whether it is what was wanted is for the caller to see."""
    _, block = _pairs(yaml.compose(text, Loader=yaml.SafeLoader))["actions"]
    pairs = _pairs(block)
    edits: list[_Edit] = []
    for name, (key, value) in pairs.items():
        start, column, end = key.start_mark.index, key.start_mark.column, _end(text, key, value)
        if name not in actions:
            edits.append(_Edit(start - column, end + 1, ""))
        elif known[name] == actions[name]:
            continue
        elif isinstance(value, yaml.MappingNode) and not value.flow_style:
            edits += _of_action(text, _pairs(value), known[name], actions[name])
        else:
            edits.append(_Edit(start, end, _dumped({name: actions[name]}, column)))
    last_key, last = list(pairs.values())[-1]
    new = {name: action for name, action in actions.items() if name not in pairs}
    if new:
        column = last_key.start_mark.column
        end = _end(text, last_key, last)
        edits.append(_Edit(end, end, "\n" + " " * column + _dumped(new, column)))
    # From the last to the first; where something is put before what is replaced, it comes after that.
    for edit in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _of_action(
    text: str, pairs: Mapping[str, _Pair], known: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[_Edit]:
    first, _ = next(iter(pairs.values()))
    column = first.start_mark.column
    edits = []
    for word, value in wanted.items():
        if word not in pairs:  # a description, that nobody wrote
            start, end, after = first.start_mark.index, first.start_mark.index, "\n" + " " * column
        elif known[word] != value:
            key, node = pairs[word]
            start, end, after = key.start_mark.index, _end(text, key, node), ""
        else:
            continue
        edits.append(_Edit(start, end, _dumped({word: value}, column) + after))
    return edits


def _pairs(node: Any) -> dict[str, _Pair]:
    """A block mapping's keys and values, by name. Raises _LaidOutOtherwise for anything else."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise _LaidOutOtherwise
    return {key.value: (key, value) for key, value in node.value}


def _end(text: str, key: yaml.Node, value: yaml.Node) -> int:
    """Where a value ends, before its line does. Raises _LaidOutOtherwise for one that is an alias."""
    if value.start_mark.index < key.end_mark.index:
        raise _LaidOutOtherwise
    behind = text[key.start_mark.index : value.end_mark.index]
    return key.start_mark.index + len(_TRAILING.sub("", behind))


def _dumped(document: Mapping[str, Any], column: int) -> str:
    """A document as it is spelled from this column on, without a line's end."""
    inner = any(isinstance(value, dict | list) for value in document.values())
    lines = yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        width=_WIDTH - column,
        allow_unicode=True,
        default_flow_style=None if inner else False,  # by itself `{a: 1}` would stand in braces
    ).splitlines()
    return ("\n" + " " * column).join(lines)


class _Dumper(yaml.SafeDumper):
    """Without anchors: a manifest is read by people."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
