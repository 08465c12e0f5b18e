"""`airlock keys`: made, listed and revoked in the database itself, by whoever may reach it."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from airlock_contracts.views import KeyView

from ..exits import Exit
from ..local.parts import run_module
from ..show.text import one_line, plain
from .edge import CommandError, command
from .output import AsJson, print_json, print_table, when
from .processes import DATABASE_VARIABLES, for_process, with_database
from .target import data_folder


class Role(StrEnum):
    """What a key may do."""

    ADMIN = "admin"
    HOST = "host"
    WEBHOOK = "webhook"


def add(app: typer.Typer) -> None:
    """Add the commands."""
    keys = typer.Typer(help="Keys: create, list, revoke. They need the database.", no_args_is_help=True)
    app.add_typer(keys, name="keys")

    @command(keys, "create")
    async def create(
        context: typer.Context,
        name: Annotated[str, typer.Option("--name", help="Who it stands for; decisions record it.")],
        role: Annotated[
            Role,
            typer.Option(
                "--role",
                help="admin; host for an agent host; webhook for what may post alerts and nothing else.",
            ),
        ] = Role.ADMIN,
        output: Annotated[
            Path | None,
            typer.Option("--output", "-o", help="Write it to this file (0600) and do not show it."),
        ] = None,
        as_json: AsJson = False,
    ) -> int:
        """Make a key. It can be read this once and never again."""
        arguments = ["create", f"--name={name}", f"--role={role.value}"]
        if output is not None:
            arguments.append(f"--output={output.absolute()}")
        made = await _ask(context, *arguments)
        if as_json:
            print_json(made)
        elif output is not None:
            print(f"key {made['id']} for {one_line(made['name'])} is in {plain(output)}")
        else:
            print(made["key"])
        return 0

    @command(keys, "list")
    async def list_keys(context: typer.Context, as_json: AsJson = False) -> int:
        """Keys without their secrets, the newest first."""
        found = await _ask(context, "list")
        if as_json:
            print_json(found)
            return 0
        views = [KeyView.model_validate(item) for item in found]
        rows = (
            (
                view.id,
                view.name,
                view.role,
                when(view.created_at),
                when(view.last_used_at),
                when(view.revoked_at),
            )
            for view in views
        )
        print_table(("id", "name", "role", "created", "last used", "revoked"), rows, empty="no keys")
        return 0

    @command(keys, "revoke")
    async def revoke(
        context: typer.Context,
        key: Annotated[str, typer.Argument(help="Its id, from `airlock keys list`.")],
        as_json: AsJson = False,
    ) -> int:
        """Make a key invalid for good."""
        view = await _ask(context, "revoke", "--", key)
        print_json(view) if as_json else print(f"revoked {view['id']}, of {one_line(view['name'])}")
        return 0


async def _ask(context: typer.Context, *arguments: str) -> Any:
    environment = for_process(with_database(context))
    if not any(name in environment for name in DATABASE_VARIABLES):
        raise CommandError(
            f"nothing runs on the data folder {data_folder(context).path}, and no database is named",
            "`airlock up`, or AIRLOCK_DATABASE_URL_FILE",
            Exit.NOT_RUNNING,
        )
    return json.loads(await run_module(["airlock_orchestration", "keys", *arguments], environment))
