"""The text of an `agent.yaml`: its block `actions` is written anew, the rest stays as its author wrote it."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

_WIDTH = 110
_BLOCK = re.compile(r"^actions:.*\n(?:(?:[ \t]*\n|#.*\n)*(?:[ \t]+\S|-).*\n)*", re.MULTILINE)
"""Up to its last indented line: empty lines and comments behind that belong to what follows."""
_SCHEMAS = ("input_schema", "output_schema")


class CannotWrite(Exception):
    """Why a manifest was left as it is."""


def with_actions(text: str, actions: Mapping[str, Any]) -> str:
    """The text with this block of actions: in the place of its own, or at its end."""
    block = yaml.dump(
        {"actions": dict(actions)},
        Dumper=_Dumper,
        sort_keys=False,
        width=_WIDTH,
        allow_unicode=True,
        default_flow_style=None,
    )
    text = text if text.endswith("\n") else text + "\n"
    if _BLOCK.search(text) is None:
        return text + block
    return _BLOCK.sub(lambda _: block, text, count=1)


def with_schemas(text: str, derived: Mapping[str, Mapping[str, Any]]) -> str:
    """The text with the schemas that functions say of themselves; what else an action has stays.

    An action whose function is gone goes too. Raises CannotWrite for a manifest laid out in another way.
    """
    document = yaml.safe_load(text)
    known = document.get("actions") if isinstance(document, dict) else None
    if not isinstance(known, dict) or _BLOCK.search(text) is None:
        raise CannotWrite("agent.yaml has no block `actions:` at its left edge")
    actions = {name: _action(known.get(name) or {}, found) for name, found in derived.items()}
    changed = with_actions(text, actions)
    if _read(changed) != {**document, "actions": actions}:
        raise CannotWrite("agent.yaml is laid out in a way that cannot be kept: write the schemas by hand")
    return changed


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


class _Dumper(yaml.SafeDumper):
    """Without anchors: a manifest is read by people."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
