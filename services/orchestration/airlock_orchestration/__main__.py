"""`python -m airlock_orchestration`: serve (the default), migrate, keys."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from airlock_chassis.fatal import Fatal
from airlock_chassis.supervisor import run
from airlock_chassis.telemetry.export import configure_export, shutdown_telemetry
from airlock_chassis.telemetry.logs import configure_logs
from airlock_chassis.telemetry.traces import configure_traces
from airlock_chassis.variables import AGENT_HOST, COMMANDS

from .errors import AirlockError
from .operations import diagnosis
from .operations.health import SERVICE, VERSION
from .operations.keys import create_key, list_keys, revoke_key
from .settings import Settings
from .store import migrate
from .store.database import Database, DatabaseUnavailable
from .store.sessions import Sessions
from .store.tables import KeyRole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answer its exit code. What is wrong at the start is one line, and 1."""
    asked = _parser().parse_args(arguments)
    return run(lambda: _command(asked))


async def _command(asked: argparse.Namespace) -> int:
    settings = Settings.load(known_elsewhere=(*AGENT_HOST, *COMMANDS))
    match asked.command:
        case "migrate":
            return await _migrate(settings, asked)
        case "keys":
            return await _keys(settings, asked)
        case "diagnose":
            return await _diagnose(settings, asked.pool or [])
        case _:
            if getattr(asked, "migrate", False):
                await _migrate(settings, asked)
            return await _serve(settings)


async def _serve(settings: Settings) -> int:
    from . import app  # REST and all behind it: the other commands start in half the time without

    configure_logs(
        service=SERVICE, version=VERSION, level=settings.log_level, json=settings.log_format == "json"
    )
    configure_traces(
        service=SERVICE,
        version=VERSION,
        endpoint=settings.otlp_endpoint,
        ratio=settings.trace_ratio,
        per_second=settings.traces_per_second,
        headers=settings.collector_headers(),
    )
    configure_export(
        service=SERVICE,
        version=VERSION,
        endpoint=settings.otlp_endpoint,
        metrics_seconds=settings.otlp_metrics_seconds,
        headers=settings.collector_headers(),
    )
    try:
        return await app.serve(settings)
    finally:
        shutdown_telemetry()


async def _migrate(settings: Settings, asked: argparse.Namespace) -> int:
    url = settings.database_url.get_secret_value()
    try:
        async with Database(url) as database:  # waits for Postgres, and says in one line when there is none
            if getattr(asked, "check", False):
                await migrate.check_current(url)
                return 0
            await migrate.upgrade(url)
            if asked.first_keys is not None:
                await _make_first_keys(Sessions(database), asked.first_keys, asked.first_name)
    except (DatabaseUnavailable, migrate.SchemaTooOld, migrate.SchemaTooNew) as error:
        raise Fatal(str(error)) from error
    except AirlockError as error:
        raise _fatal(error) from error
    return 0


async def _make_first_keys(sessions: Sessions, folder: Path, name: str) -> None:
    """Make `admin.key`, in the name of a person, and `host.key` where they are not there yet."""
    for role, holder in ((KeyRole.ADMIN, name), (KeyRole.HOST, "agent-host")):
        path = folder / f"{role.value}.key"
        if not path.exists():
            write_secret(path, (await create_key(sessions, holder, role=role)).text)


async def _keys(settings: Settings, asked: argparse.Namespace) -> int:
    try:
        async with Database(settings.database_url.get_secret_value()) as database:
            sessions = Sessions(database)
            match asked.keys_command:
                case "create":
                    made = await create_key(sessions, asked.name, role=KeyRole(asked.role))
                    if asked.output:
                        write_secret(asked.output, made.text)
                        shown = made.view.model_dump(mode="json") | {"file": str(asked.output)}
                    else:
                        shown = made.view.model_dump(mode="json") | {"key": made.text}
                    _print(shown)
                case "list":
                    _print([view.model_dump(mode="json") for view in await list_keys(sessions)])
                case _:
                    _print((await revoke_key(sessions, asked.id)).model_dump(mode="json"))
    except DatabaseUnavailable as error:
        raise Fatal(str(error)) from error
    except AirlockError as error:
        raise _fatal(error) from error
    return 0


def _fatal(error: AirlockError) -> Fatal:
    return Fatal(": ".join(filter(None, (error.detail, error.advice))))


async def _diagnose(settings: Settings, pools: Sequence[str]) -> int:
    """Print what Postgres and NATS say of themselves; a part that is away is a fact like another."""
    layout = diagnosis.layout_of(settings.subject_prefix, settings.nats_replicas)
    database, nats = await asyncio.gather(
        diagnosis.database(settings.database_url.get_secret_value()),
        diagnosis.nats(settings.bus_options("doctor"), layout, pools),
    )
    _print({"version": VERSION, "database": database, "nats": nats})
    return 0


def write_secret(path: Path, text: str) -> None:
    """Write a secret to a file that only its owner can read, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    part.replace(path)


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airlock orchestration", description="The orchestration service: REST, the door, its workers."
    )
    commands = parser.add_subparsers(dest="command")
    serving = commands.add_parser("serve", help="serve until SIGTERM (the default)")
    serving.add_argument("--migrate", action="store_true", help="first do what `migrate` does")
    migrating = commands.add_parser("migrate", help="bring the database's schema to this release")
    migrating.add_argument("--check", action="store_true", help="only say whether it is there")
    for command in (serving, migrating):
        command.add_argument(
            "--first-keys", type=Path, help="also make admin.key and host.key in this folder, unless there"
        )
        command.add_argument("--first-name", default="admin", help="who admin.key stands for")
    keys = commands.add_parser("keys", help="make, list and revoke keys").add_subparsers(
        dest="keys_command", required=True
    )
    create = keys.add_parser("create", help="make a key; it is shown once")
    create.add_argument("--name", required=True, help="who it stands for; decisions record it")
    create.add_argument("--role", choices=[role.value for role in KeyRole], default=KeyRole.ADMIN.value)
    create.add_argument("--output", type=Path, help="write it to this file (0600) instead of showing it")
    keys.add_parser("list", help="list keys, without their secrets")
    revoke = keys.add_parser("revoke", help="make a key invalid for good")
    revoke.add_argument("id")
    diagnosing = commands.add_parser("diagnose", help="print facts about Postgres and NATS; changes nothing")
    diagnosing.add_argument("--pool", action="append", help="a pool that hosts should be in; again for more")
    return parser


if __name__ == "__main__":
    sys.exit(main())
