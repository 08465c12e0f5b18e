"""One value of a YAML file: found in the composed nodes, replaced in the text where its marks say.

The text is never written anew from the nodes, so comments, quotes, order and layout stay.
"""

from __future__ import annotations

import json
import re

import yaml

from ..reason import AROUND, Reason
from .setting import ALREADY, MISSING, NO_SCALAR, OTHER_NOW, TWICE, Path, Scalar, Value, same, shown
from .surroundings import lines_changed

# Words that a reader of YAML 1.1 or 1.2 takes for something else than a text.
_NO_TEXT = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|none|nan|inf|~|")
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*")
_TEXT = "tag:yaml.org,2002:str"


def changed(text: str, wished: Value) -> str | Reason:
    """Answer the file with the value set, or why it is left as it is."""
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return Reason("the file is no valid YAML")
    if len(documents) != 1 or documents[0] is None:
        return Reason("the file does not hold one YAML document")
    result = _changed(text, documents[0], wished)
    if isinstance(result, Reason):
        return result
    try:
        after = yaml.compose(result, Loader=yaml.SafeLoader)
        alike = after is not None and _same(documents[0], after, wished, wished.path, set())
    except (yaml.YAMLError, RecursionError):
        return Reason(AROUND)
    if not alike or lines_changed(text, result) > 1:
        return Reason(AROUND)
    return result


def _changed(text: str, root: yaml.Node, wished: Value) -> str | Reason:
    node = _find(root, wished.path)
    if node is None and wished.add and isinstance(holder := _find(root, wished.path[:-1]), yaml.MappingNode):
        return _added(text, holder, wished)
    if node is None:
        return Reason(MISSING.format(path=shown(wished.path)))
    if isinstance(node, Reason):
        return node
    if not isinstance(node, yaml.ScalarNode):
        return Reason(NO_SCALAR.format(path=shown(wished.path)))
    if node.style in ("|", ">"):
        return Reason(f"a block of text stands at {shown(wished.path)}")
    now = _value(node)
    if wished.now and not same(now, wished.now[0]):
        return Reason(OTHER_NOW.format(path=shown(wished.path)))
    if same(now, wished.value):
        return Reason(ALREADY)
    start, end = node.start_mark.index, node.end_mark.index
    new = _spelled(wished.value, node.style)
    if start == end:  # `key:` and nothing behind it
        return f"{text[:start]} {new}{text[start:]}"
    return text[:start] + new + text[end:]


def _find(node: yaml.Node, path: Path) -> yaml.Node | Reason | None:
    for depth, part in enumerate(path, start=1):
        if isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if _is_key(key, part)]
            if len(found) > 1:
                return Reason(TWICE.format(path=shown(path[:depth])))
            if not found:
                return None
            node = found[0]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
    return node


def _added(text: str, holder: yaml.MappingNode, wished: Value) -> str | Reason:
    """Answer the file with a new line for the key, behind the mapping's last one or before its first."""
    if holder.flow_style or not holder.value:
        return Reason(f"nothing can be added to {shown(wished.path[:-1])}: it is written on one line")
    first, last = holder.value[0][0], holder.value[-1][1]
    end = "\r\n" if "\r\n" in text else "\n"
    start: int = first.start_mark.index
    entry = f"{_spelled(str(wished.path[-1]), None)}: {_spelled(wished.value, None)}"
    indent: str = " " * first.start_mark.column
    seen: set[int] = set()
    while isinstance(last, yaml.CollectionNode) and not last.flow_style and last.value:
        if id(last) in seen:
            return Reason(f"{shown(wished.path[:-1])} ends in an alias of what it stands in")
        seen.add(id(last))
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    if isinstance(last, yaml.ScalarNode) and last.style in ("|", ">"):
        return text[:start] + entry + end + indent + text[start:]
    at = text.find("\n", last.end_mark.index)
    if at < 0:
        return text + end + indent + entry
    return text[: at + 1] + indent + entry + end + text[at + 1 :]


def _same(before: yaml.Node, after: yaml.Node, wished: Value, path: Path | None, seen: set[object]) -> bool:
    """Compare two documents but for the value at the path; an alias of it elsewhere is a difference."""
    pair = (id(before), id(after), path)
    if pair in seen:
        return True
    seen.add(pair)
    if path == ():
        return isinstance(after, yaml.ScalarNode) and same(_value(after), wished.value)
    if type(before) is not type(after) or before.tag != after.tag:
        return False
    if isinstance(before, yaml.ScalarNode):
        return bool(before.value == after.value)
    if isinstance(before, yaml.SequenceNode):
        if len(before.value) != len(after.value):
            return False
        return all(
            _same(one, other, wished, _below(path, index), seen)
            for index, (one, other) in enumerate(zip(before.value, after.value, strict=True))
        )
    old, new = list(before.value), list(after.value)
    if path is not None and len(path) == 1 and not any(_is_key(key, path[0]) for key, _ in old):
        added = [value for key, value in new if _is_key(key, path[0])]
        new = [(key, value) for key, value in new if not _is_key(key, path[0])]
        if len(added) != 1 or not _same(added[0], added[0], wished, (), seen):
            return False
    if len(old) != len(new):
        return False
    return all(
        _same(key, other_key, wished, None, seen)
        and _same(value, other, wished, path[1:] if path and _is_key(key, path[0]) else None, seen)
        for (key, value), (other_key, other) in zip(old, new, strict=True)
    )


def _below(path: Path | None, part: int) -> Path | None:
    return path[1:] if path and path[0] == part else None


def _is_key(key: yaml.Node, part: str | int) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == str(part)


def _value(node: yaml.ScalarNode) -> object:
    """Answer a scalar as a reader of YAML 1.2 takes it: on, off, yes and no are texts."""
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind == "null":
        return None
    if kind == "bool" and node.value.lower() in ("true", "false"):
        return node.value.lower() == "true"
    try:
        if kind in ("int", "float"):
            return json.loads(node.value)
    except ValueError:
        pass
    return node.value


def _spelled(value: Scalar, style: str | None) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    plain = style is None and _PLAIN.fullmatch(value) and not _NO_TEXT.fullmatch(value)
    if plain:
        node = yaml.compose(value, Loader=yaml.SafeLoader)
        if node is not None and node.tag == _TEXT:
            return value
    return json.dumps(value, ensure_ascii=False)
