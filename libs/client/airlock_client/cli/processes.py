"""`airlock orchestration`, `agent-host`, `migrate`: the processes themselves, in this one's place."""

import os
import sys
from collections.abc import Mapping

import typer

from .target import OWN_VARIABLES, data_folder

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
DATABASE_VARIABLES = ("AIRLOCK_DATABASE_URL", "AIRLOCK_DATABASE_URL_FILE")


def add(app: typer.Typer) -> None:
    """Add the commands. What stands behind them, `--help` too, is for the process."""

    @app.command("orchestration", context_settings=_PASS_ON)
    def orchestration(context: typer.Context) -> None:
        """The orchestration service (settings: AIRLOCK_* variables)."""
        _become("airlock_orchestration", ["serve", *context.args], dict(os.environ))

    @app.command("agent-host", context_settings=_PASS_ON)
    def agent_host(context: typer.Context) -> None:
        """An agent host (settings: AIRLOCK_* variables)."""
        _become("airlock_agents", ["host", *context.args], dict(os.environ))

    @app.command("migrate", context_settings=_PASS_ON)
    def migrate(context: typer.Context) -> None:
        """Bring the database's schema to this release."""
        _become("airlock_orchestration", ["migrate", *context.args], with_database(context))


def with_database(context: typer.Context) -> dict[str, str]:
    """The environment; where it names no database, that of the install which runs on the data folder."""
    environment = dict(os.environ)
    folder = data_folder(context)
    if not any(name in environment for name in DATABASE_VARIABLES) and folder.state() is not None:
        environment["AIRLOCK_DATABASE_URL_FILE"] = str(folder.path / "secrets" / "database-url")
    return environment


def for_process(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what only the command line reads, which the process would not know."""
    return {name: value for name, value in environment.items() if name not in OWN_VARIABLES}


def _become(module: str, arguments: list[str], environment: Mapping[str, str]) -> None:
    """Replace this process: signals and the exit code are the process' own."""
    kept = for_process(environment)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], kept)  # noqa: S606
