"""The `airlock` command line, put together: options before the command, then one group per noun."""

from pathlib import Path
from typing import Annotated

import typer

from .. import exits
from ..local.folder import AIRLOCK_VERSION
from . import agents, approvals, artifacts, demo, doctor, keys, logs, probe, processes, runs, stack, workflows
from .target import Asked

app = typer.Typer(
    help="Airlock runs workflows of sandboxed automation agents, with gates that bind.",
    epilog=exits.TABLE,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(AIRLOCK_VERSION)
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="AIRLOCK_URL", help="Address of Airlock; else the install that runs on the data folder."
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(envvar="AIRLOCK_KEY_FILE", help="File with the key; AIRLOCK_KEY holds one itself."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="AIRLOCK_HOME", help="Data folder of the install on this machine.")
    ] = None,
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="As `airlock version`.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    context.obj = Asked(url, key_file, data_dir)


for room in (
    stack,
    runs,
    logs,
    approvals,
    workflows,
    agents,
    artifacts,
    keys,
    doctor,
    probe,
    processes,
    demo,
):
    room.add(app)
