"""`airlock up`, `down`, `status`, `version`: the install on this machine."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..client import AirlockClient
from ..exits import Exit
from ..local import shipped
from ..local.folder import AIRLOCK_VERSION, DataFolder, State
from ..local.processes import process_age
from ..local.stack import Stack
from ..show.text import one_line, plain, safe, seconds, status
from .edge import CommandError, command
from .output import AsJson, terminal
from .target import data_folder

_DOWN_SECONDS = 90.0
_POLL_SECONDS = 0.05
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Data folder of the install on this machine.")
]


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "up")
    async def up(
        context: typer.Context,
        data_dir: DataDir = None,
        port: Annotated[int, typer.Option(min=0, max=65535, help="Port of REST; 0 takes a free one.")] = 9002,
        detach: Annotated[
            bool, typer.Option("--detach", help="Come back once it is up; `airlock down` stops it.")
        ] = False,
        no_agents: Annotated[
            bool, typer.Option("--no-agents", help="No agent host, so no Docker either.")
        ] = False,
        background: Annotated[bool, typer.Option("--background", hidden=True)] = False,
    ) -> int:
        """Everything on this machine: Postgres, NATS, REST, an agent host, the built-in agents.

        Stays until Ctrl-C, and then leaves nothing running; what ends by itself is started again.
        """
        folder = data_folder(context, data_dir)
        if detach:
            return await asyncio.to_thread(_detached, folder, port, no_agents)
        return await _up(folder, port, with_host=not no_agents, background=background)

    @command(app, "down")
    async def down(context: typer.Context, data_dir: DataDir = None) -> int:
        """Stop the install that runs on the data folder, in order."""
        folder = data_folder(context, data_dir)
        state = folder.state()
        if state is None:
            print(f"nothing runs on {plain(folder.path)}")
            return Exit.OK
        os.kill(state.pid, signal.SIGTERM)
        until = time.monotonic() + _DOWN_SECONDS
        while (left := folder.state()) is not None and left.pid == state.pid:
            if time.monotonic() > until:
                raise CommandError(
                    f"process {state.pid} still stops after {_DOWN_SECONDS:g} s",
                    f"its log: {folder.log('up')}",
                )
            await asyncio.sleep(_POLL_SECONDS)
        print(f"stopped what ran at {state.api_url}")
        return Exit.OK

    @command(app, "status")
    async def show_status(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> int:
        """Each part of the install on this machine: process, state, since when."""
        folder = data_folder(context, data_dir)
        state = folder.state()
        parts = (
            {name: (pid, process_age(pid)) for name, pid in state.parts.items()} if state is not None else {}
        )
        if as_json:
            print(json.dumps(_as_json(folder, state, parts), indent=2))
        elif state is None:
            print(f"nothing runs on {plain(folder.path)}; start it with `airlock up`")
        else:
            _print_parts(folder, state, parts)
        if state is None:
            return Exit.NOT_RUNNING
        return Exit.OK if all(age is not None for _, age in parts.values()) else Exit.ERROR

    @app.command("version")
    def version() -> int:
        """The version of Airlock."""
        print(AIRLOCK_VERSION)
        return Exit.OK


async def _up(folder: DataFolder, port: int, *, with_host: bool, background: bool) -> int:
    console = terminal()
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(safe(f"{time.monotonic() - began:7.2f} s  {text}", style="dim"), soft_wrap=True)

    building = asyncio.create_task(shipped.build_images(say)) if with_host else None
    try:
        async with Stack(folder, port=port, say=say, with_host=with_host, before_host=building) as stack:
            if building is not None:
                images = await building
                key = (await asyncio.to_thread(folder.admin_key.read_text)).strip()
                async with AirlockClient(stack.api_url, key) as client:
                    say(f"agents: {', '.join(await shipped.register(client, folder.path, images, say))}")
            _print_addresses(console, folder, stack, with_host=with_host)
            if background:
                await asyncio.to_thread(_leave_the_terminal, folder.log("up"))
            await _until_asked(stack)
            say("stopping")
    finally:
        if building is not None:
            building.cancel()
            await asyncio.wait({building})
    say("stopped; nothing is left running")
    return Exit.OK


async def _until_asked(stack: Stack) -> None:
    """Watch over it until a signal comes; being asked to stop is how `up` ends well."""
    try:
        await stack.watch()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


def _detached(folder: DataFolder, port: int, no_agents: bool) -> int:
    """Start `up` in a session of its own, show what it says until it is up, and leave it."""
    command = [sys.executable, "-m", "airlock_client", "up", "--background"]
    command += ["--data-dir", str(folder.path), "--port", str(port), *(["--no-agents"] if no_agents else [])]
    child = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert child.stdout is not None
    with child.stdout as said:
        for line in said:  # ends when it turns to its log, or ends
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
    state = folder.state()
    if state is not None and state.pid == child.pid:
        print("it runs in the background; stop it with `airlock down`")
        return Exit.OK
    return child.wait()


def _leave_the_terminal(log: Path) -> None:
    """Write to the log from now on: who started us has gone on."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _print_addresses(console: Console, folder: DataFolder, stack: Stack, *, with_host: bool) -> None:
    table = Table.grid(padding=(0, 2))
    rows = (
        ("Airlock", f"{AIRLOCK_VERSION}, install {stack.install}"),
        ("REST", stack.api_url),
        ("OpenAPI", f"{stack.api_url}/docs"),
        ("data folder", folder.path),
        ("key file", f"{folder.admin_key} (the command line finds it)"),
        ("logs", folder.log("orchestration").parent),
        (
            "next",
            "airlock run security-review --workspace PATH"
            if with_host
            else f"an agent host elsewhere: airlock agent-host, with {folder.host_key}",
        ),
        ("", "airlock status · airlock approvals list · airlock down"),
    )
    for name, value in rows:
        table.add_row(safe(name, style="bold"), safe(value))
    console.print()
    console.print(table)
    console.print()


def _as_json(
    folder: DataFolder, state: State | None, parts: dict[str, tuple[int, float | None]]
) -> dict[str, object]:
    if state is None:
        return {"running": False, "data_dir": str(folder.path)}
    return {
        "running": True,
        "data_dir": str(folder.path),
        "url": state.api_url,
        "version": state.version,
        "install": state.install,
        "started_at": state.started_at,
        "parts": {
            name: {"pid": pid, "state": "UP" if age is not None else "GONE", "seconds": age}
            for name, (pid, age) in parts.items()
        },
    }


def _print_parts(folder: DataFolder, state: State, parts: dict[str, tuple[int, float | None]]) -> None:
    console = terminal()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("part", "state", "pid", "since"):
        table.add_column(column, no_wrap=True)
    for name, (pid, age) in parts.items():
        since = "" if age is None else f"{seconds(age)} ago"
        table.add_row(safe(one_line(name)), status("UP" if age is not None else "GONE"), str(pid), since)
    console.print(safe(f"Airlock {state.version} at {state.api_url}, data folder {folder.path}"))
    console.print(table)
