"""`airlock demo`: the main job from nothing, on one machine, with nothing left behind."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from airlock_contracts.statuses import Verdict

from ..exits import Exit
from ..local import shipped
from ..workspaces import pack
from .artifacts import WITH_IGNORED
from .edge import CommandError, command
from .output import terminal


def add(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "demo")
    async def demo(
        workspace: Annotated[
            Path | None,
            typer.Argument(
                envvar="WORKSPACE", help="Repository to review; else a sample with planted flaws."
            ),
        ] = None,
        decision: Annotated[
            Verdict | None,
            typer.Option(
                envvar="DECISION",
                case_sensitive=False,
                help="Answer at the gate. Unset: a person is asked, and without a terminal it is APPROVED.",
            ),
        ] = None,
        with_ignored: Annotated[
            bool, typer.Option("--with-ignored", envvar="WITH_IGNORED", help=WITH_IGNORED)
        ] = False,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="Folder for the artifacts; else one in the temporary folder."
            ),
        ] = None,
    ) -> int:
        """Run the main job from nothing: scan, propose a patch, decide at the gate, apply, notify.

        It has an install of its own, which is gone when it ends. Nothing is written into WORKSPACE.
        Exit codes: 0 SUCCESS, 2 rejected or failed, 1 it could not be run.
        """
        from ..demo.demo import Demo  # the rest of the command line does without it

        folder = workspace or _sample()
        if not folder.is_dir():
            raise CommandError(
                f"{folder} is not a folder", "name a repository: make demo WORKSPACE=path", Exit.USAGE
            )
        packed = await pack(folder, with_ignored=with_ignored)
        try:
            if not packed.files:
                raise CommandError(
                    f"{folder} has no file that git would not ignore",
                    "name a folder with code in it",
                    Exit.USAGE,
                )
            if decision is None and not sys.stdin.isatty():
                decision = Verdict.APPROVED
            return await Demo(folder.resolve(), packed, decision, output, terminal()).run()
        finally:
            await asyncio.to_thread(packed.path.unlink, missing_ok=True)


def _sample() -> Path:
    examples = shipped.examples()
    if examples is None or not (examples / "storefront").is_dir():
        raise CommandError("there is no sample here", "name a repository: airlock demo PATH", Exit.USAGE)
    return examples / "storefront"
