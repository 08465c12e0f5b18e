"""A gate as a person sees it before deciding: what runs, with what input, and what the hash covers."""

import json

from airlock_contracts.views import ApprovalView
from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from .text import one_line, plain, safe, status

COVERS = (
    "project, run, node, agent version (manifest, image digest, schemas), action, input bytes and preview. "
    "What is approved is, hash for hash, what runs."
)


def show_approval(console: Console, approval: ApprovalView) -> None:
    """Show an approval whole. Nothing in it is read as markup or sent to the terminal raw."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    rows: list[tuple[str, Text]] = [
        ("approval", Text(approval.id)),
        ("status", status(approval.status)),
        ("workflow", safe(approval.workflow)),
        ("run / node", safe(f"{approval.run} / {approval.node}")),
        ("wants to run", safe(f"{approval.agent}, action {approval.action}", style="bold")),
        ("asked for by", safe(approval.requested_by)),
        ("expires", safe(f"{approval.expires_at:%Y-%m-%d %H:%M:%S}Z, then: {approval.on_expiry}")),
        ("payload_sha256", Text(approval.payload_sha256)),
        ("it covers", Text(COVERS, style="dim")),
    ]
    if approval.decided_by is not None:
        rows.append(("decided by", safe(f"{approval.decided_by} at {approval.decided_at}")))
        rows.append(("notes", safe(approval.notes or "")))
    for name, value in rows:
        facts.add_row(name, value)
    console.print(Panel(facts, title="a gate", title_align="left"))
    if approval.preview:
        title = "preview (the workflow author's view; the input beneath it is what runs)"
        console.print(Panel(diff_or_text(approval.preview), title=title, title_align="left"))
    console.print(Panel(shown_input(approval.input), title="input, whole", title_align="left"))


def diff_or_text(text: str) -> Syntax | Text:
    """A unified diff in colour, anything else as it is."""
    clean = plain(text)
    if clean.startswith(("diff --git ", "--- ")):
        return Syntax(clean, "diff", word_wrap=True, background_color="default")
    return Text(clean)


def shown_input(text: str) -> Text:
    """The input's members, one per line; long strings (a diff, say) with their line breaks."""
    try:
        value = json.loads(text)
    except ValueError:
        return Text(plain(text))
    if not isinstance(value, dict):
        return Text(plain(text))
    shown = Text()
    for name, member in value.items():
        shown.append(f"{one_line(name, 80)}: ", style="bold")
        if isinstance(member, str) and "\n" in member:
            shown.append("\n" + plain(member).rstrip("\n") + "\n")
        else:
            shown.append(plain(json.dumps(member, ensure_ascii=False)) + "\n")
    return shown
