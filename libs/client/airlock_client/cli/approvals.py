"""`airlock approvals`: list, show, approve, reject. Nobody approves what was not shown."""

import sys
from typing import Annotated

import typer
from airlock_contracts.statuses import ApprovalStatus, Verdict

from ..client import AirlockClient
from ..exits import Exit
from ..show.ask import ask_yes
from ..show.gate import question, show_approval
from ..show.text import one_line, status
from .edge import CommandError, command
from .ids import whole_approval, whole_run
from .output import AsJson, Limit, OnlyIds, newest, print_ids, print_json, print_table, terminal, when
from .target import connect

_WORDS = {Verdict.APPROVED: "approve", Verdict.REJECTED: "reject"}
Approval = Annotated[str, typer.Argument(help="Its id, from `airlock approvals list`.")]
Payload = Annotated[
    str | None,
    typer.Option(
        "--payload", metavar="SHA256", help="payload_sha256 of what was shown; needed without a terminal."
    ),
]
Notes = Annotated[str, typer.Option("--notes", help="Why; kept with the decision.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    approvals = typer.Typer(help="Approvals: list, show, approve, reject.", no_args_is_help=True)
    app.add_typer(approvals, name="approvals")

    @command(approvals, "list")
    async def list_approvals(
        context: typer.Context,
        wanted: Annotated[
            ApprovalStatus | None, typer.Option("--status", case_sensitive=False, help="Only these.")
        ] = None,
        run: Annotated[str | None, typer.Option("--run", help="Only of this run.")] = None,
        limit: Limit = 50,
        quiet: OnlyIds = False,
        as_json: AsJson = False,
    ) -> int:
        """Approvals, the newest first."""
        async with connect(context) as client:
            run = run and await whole_run(client, run)
            found = await newest(
                lambda cursor: client.approvals(status=wanted, run=run, cursor=cursor), limit
            )
        if as_json:
            print_json(found)
            return 0
        if quiet:
            print_ids(found)
            return 0
        rows = (
            (
                view.id,
                status(view.status),
                f"{view.workflow} / {view.node}",
                f"{view.agent} {view.action}",
                when(view.requested_at),
                view.requested_by,
                when(view.expires_at),
                view.decided_by or "",
                view.run,
                question(view),
            )
            for view in found
        )
        columns = (
            *("approval", "status", "workflow / node", "wants to run", "asked", "for", "expires"),
            *("decided by", "run", "about"),
        )
        print_table(columns, rows, empty="no approvals")
        return 0

    @command(approvals, "show")
    async def show(
        context: typer.Context,
        approval: Approval,
        payload: Annotated[
            bool,
            typer.Option("--payload", help="Only its payload_sha256, for a script."),
        ] = False,
        as_json: AsJson = False,
    ) -> int:
        """One approval whole: who asks, what runs with which input, and what the hash covers."""
        async with connect(context) as client:
            view = await client.approval(await whole_approval(client, approval))
        if payload:
            print(one_line(view.payload_sha256))
        elif as_json:
            print_json(view)
        else:
            show_approval(terminal(), view)
        return 0

    @command(approvals, "approve")
    async def approve(
        context: typer.Context,
        approval: Approval,
        payload: Payload = None,
        notes: Notes = "",
        as_json: AsJson = False,
    ) -> int:
        """Approve. Without --payload it is shown first, and asked."""
        async with connect(context) as client:
            return await _decide(client, approval, Verdict.APPROVED, payload, notes, as_json=as_json)

    @command(approvals, "reject")
    async def reject(
        context: typer.Context,
        approval: Approval,
        payload: Payload = None,
        notes: Notes = "",
        as_json: AsJson = False,
    ) -> int:
        """Reject. Without --payload it is shown first, and asked."""
        async with connect(context) as client:
            return await _decide(client, approval, Verdict.REJECTED, payload, notes, as_json=as_json)


async def _decide(
    client: AirlockClient, approval: str, verdict: Verdict, payload: str | None, notes: str, *, as_json: bool
) -> int:
    if payload is None:
        if as_json or not sys.stdin.isatty():
            raise CommandError(
                "nobody decides unseen: without a terminal name what was shown",
                f"`airlock approvals show {approval}`, then --payload PAYLOAD_SHA256",
                Exit.USAGE,
            )
        shown = await client.approval(await whole_approval(client, approval))
        show_approval(terminal(), shown)
        if shown.status is ApprovalStatus.PENDING and not await ask_yes(
            f"{_WORDS[verdict]} what is shown above?"
        ):
            print("left as it is")
            return Exit.ERROR
        payload = shown.payload_sha256
    decided = await client.decide(await whole_approval(client, approval), verdict, payload, notes)
    if as_json:
        print_json(decided)
    else:
        print(f"{decided.status} by {one_line(decided.decided_by)}; run {decided.run}")
    return Exit.OK
