"""The first files of a new agent, from templates; its schemas are derived from its own functions at once."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.statuses import Protocol
from airlock_sdk import Agent
from airlock_sdk.schema import actions_of, function_schemas

from .manifest_text import with_actions

_TEMPLATES = Path(__file__).with_name("templates")
_FOLDERS = {Protocol.AIRLOCK_1: "airlock1", Protocol.STDIO: "stdio"}
_ENDING = ".txt"
"""Of a template: it is no module of ours, and no test."""
_ACTION = "count"


class CannotScaffold(Exception):
    """Why nothing was written."""


@dataclass(frozen=True, slots=True)
class Project:
    """What was written, and where."""

    name: str
    folder: Path
    files: tuple[str, ...]


def check_name(name: str) -> None:
    """Raises CannotScaffold, with a name that would do, for what no agent can be called."""
    if re.fullmatch(NAME_PATTERN, name):
        return
    better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63]
    hint = f", such as {better}" if better else ""
    raise CannotScaffold(
        f"an agent is called by lower-case letters, digits and dashes, at most 63{hint}: not {name[:80]!r}"
    )


def write_project(name: str, folder: Path, protocol: Protocol) -> Project:
    """Write a new agent's files. Raises CannotScaffold where a file is there already; nothing is replaced."""
    check_name(name)
    texts = _texts(name, protocol)
    there = [file for file in texts if (folder / file).exists()]
    if there:
        raise CannotScaffold(f"{folder} has {', '.join(there)} already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        with (folder / file).open("x", encoding="utf-8") as out:
            out.write(text)
    return Project(name, folder, tuple(texts))


def _texts(name: str, protocol: Protocol) -> dict[str, str]:
    source = _TEMPLATES / _FOLDERS[protocol]
    texts = {
        path.name.removesuffix(_ENDING): path.read_text(encoding="utf-8").replace("@NAME@", name)
        for path in sorted(source.glob(f"*{_ENDING}"))
    }
    texts["agent.yaml"] = with_actions(texts["agent.yaml"], _actions(texts["main.py"]))
    return texts


def _actions(program: str) -> dict[str, Any]:
    """What the template's functions say of themselves. It is our own text: nobody else's code runs here."""
    module = ModuleType("airlock_new_agent")
    sys.modules[module.__name__] = module  # where its types look for each other
    try:
        exec(compile(program, "main.py", "exec"), vars(module))  # noqa: S102 -- our own template
        if isinstance(agent := vars(module).get("agent"), Agent):
            return {action: found.as_manifest() for action, found in actions_of(agent).items()}
        function: Callable[..., Any] = vars(module)[_ACTION]
        return {_ACTION: function_schemas(function).as_manifest()}
    finally:
        del sys.modules[module.__name__]
