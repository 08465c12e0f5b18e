"""Writes docs/reference/cli.md from the command line itself.

Run it from the root of the repository after a change of a command: `python docs/cli_reference.py`.
A test compares the page with what this writes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from airlock_client.cli.application import app

PAGE = Path(__file__).with_name("reference") / "cli.md"

HEAD = """\
# The command line

Written by `docs/cli_reference.py` from the commands themselves; a test compares.

`airlock` talks to a running Airlock over REST, and starts one on this machine (`airlock up`). Address and key
are looked up in this order: the option before the command, its variable, the data folder of a running
`airlock up`. The key of a data folder is sent to the address of that folder and to no other.

People get tables and lines; with `--json` a program gets one JSON document on stdout and nothing else (of
`airlock logs`, whose end is not known, one object per line). What goes wrong stands on stderr: a line, its
places, a hint, the problem's code; never a traceback. Text from outside is shown with control characters and
the like spelled out, and never read as markup. The exit codes are on a [page of their own](exit-codes.md).

Ctrl-C and SIGTERM end a command in order: what it started is stopped first. A run goes on when whoever
watches it leaves. Nobody decides unseen: `approvals approve` and `reject` show what waits and ask; without a
terminal they want `--payload`, the hash of what was shown.
"""


def write_page() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(app)
    return "\n".join([HEAD, "## Before the command", "", *_options(root), "", *_commands(root, "airlock")])


def _commands(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        full = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, full)
            continue
        yield f"## `{' '.join([full, *(_argument(one) for one in _arguments(command))])}`"
        yield ""
        yield "\n".join(line.strip() for line in (command.help or "").strip().splitlines())
        yield ""
        if rows := list(_options(command)):
            yield from rows
            yield ""


def _arguments(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "argument"]


def _argument(one: Any) -> str:
    name = one.name.upper()
    name = f"{name}..." if one.nargs == -1 else name
    return name if one.required else f"[{name}]"


def _options(command: Any) -> Iterator[str]:
    rows = []
    for one in command.params:
        if one.name == "help" or getattr(one, "hidden", False):
            continue
        is_argument = one.param_type_name == "argument"
        spelled = one.name.upper() if is_argument else ", ".join(one.opts)
        default = one.default
        facts = [one.help or ""]
        if one.required and not is_argument:
            facts.append("Required.")
        if default not in (None, False, "") and not callable(default):
            facts.append(f"Default: {getattr(default, 'value', default)}.")
        if one.envvar:
            facts.append(f"Variable: `{one.envvar}`.")
        rows.append(f"| `{spelled}` | {' '.join(fact for fact in facts if fact)} |")
    if rows:
        yield from ("| option | means |", "|---|---|", *rows)


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
