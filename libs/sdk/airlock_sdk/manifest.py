"""`python -m airlock_sdk.manifest MODULE`: what a module's agent says of its actions, as JSON."""

from __future__ import annotations

import contextlib
import importlib
import json
import runpy
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airlock_sdk.agent import Agent
from airlock_sdk.schema import SchemaError, actions_of

_USAGE = "usage: python -m airlock_sdk.manifest MODULE-OR-FILE.py [--manifest]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what each action says of itself; with `--manifest`, as it stands under `actions:`.

    Answers 0; 1 for a module without one agent or a hint that has no JSON form; 2 for a wrong command line.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_manifest = "--manifest" in given
    named = [one for one in given if one != "--manifest"]
    if len(named) != 1 or named[0].startswith("-"):
        return _say(_USAGE, 2)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a module prints at import is no schema
            agent = _agent_of(named[0])
        found = actions_of(agent)
    except (SchemaError, LookupError) as error:
        return _say(str(error.args[0]), 1)
    actions = {name: one.as_manifest() if as_manifest else asdict(one) for name, one in found.items()}
    sys.stdout.write(json.dumps({"actions": actions}, indent=2 if as_manifest else None) + "\n")
    return 0


def _agent_of(name: str) -> Agent:
    names: dict[str, Any]
    names = (
        runpy.run_path(name, run_name="__agent__")
        if name.endswith(".py")
        else vars(importlib.import_module(name))
    )
    agents = list({id(one): one for one in names.values() if isinstance(one, Agent)}.values())
    if len(agents) != 1:
        raise LookupError(f"{name} has {len(agents)} agents; one is to be asked: agent = Agent()")
    return agents[0]


def _say(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
