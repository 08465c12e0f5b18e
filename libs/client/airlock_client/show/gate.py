"""A gate as a person sees it before deciding: what runs, with what input, and what the hash covers.

Long text stands between rules, not in boxes, so that it can be copied as it is.
"""

import hashlib
import json
import re

from airlock_contracts.views import ApprovalView
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .text import one_line, plain, safe, status

COVERS = (
    "project, run, node, agent version (manifest, image digest, schemas), action, input bytes and preview: "
    "what is approved is, hash for hash, what runs"
)
_QUESTION = 100
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DIFF_STYLES = (
    ("diff --git ", "bold"),
    ("+++ ", "bold"),
    ("--- ", "bold"),
    ("@@", "cyan"),
    ("+", "green"),
    ("-", "red"),
)


def show_approval(console: Console, approval: ApprovalView) -> None:
    """Show an approval whole. Nothing in it is read as markup or sent to the terminal raw."""
    heading(console, f"gate {approval.node}: {approval.agent} wants to do {approval.action}")
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    rows: list[tuple[str, Text]] = [
        ("approval", safe(approval.id)),
        ("status", status(approval.status)),
        ("workflow", safe(approval.workflow)),
        ("run", safe(approval.run)),
        ("asked for by", safe(approval.requested_by)),
        ("expires", safe(f"{approval.expires_at:%Y-%m-%d %H:%M:%S}Z, then: {approval.on_expiry}")),
        ("payload_sha256", safe(approval.payload_sha256)),
        ("it covers", safe(COVERS, style="dim")),
    ]
    if approval.decided_by is not None:
        rows.append(
            ("decided by", safe(f"{approval.decided_by} at {approval.decided_at:%Y-%m-%d %H:%M:%S}Z"))
        )
        rows.append(("notes", safe(approval.notes or "")))
    for name, value in rows:
        facts.add_row(name, value)
    console.print(facts)
    if approval.preview is not None:
        heading(console, "preview: the workflow author's view; the input beneath it is what runs")
        console.print(diff_or_text(approval.preview), soft_wrap=True)
    heading(console, "input, whole")
    console.print(safe(_measure(approval.input), style="dim"), soft_wrap=True)
    console.print(shown_input(approval.input, approval.preview), soft_wrap=True)
    console.rule(style="dim")


def question(approval: ApprovalView) -> str:
    """What an approval is about, in a line: how its preview begins, else the artifact of its input."""
    for line in (approval.preview or "").splitlines():
        if line.strip():
            return one_line(line, _QUESTION)
    named = _DIGEST.search(approval.input)
    return f"{named[0][:19]}…" if named else one_line(approval.input, _QUESTION)


def heading(console: Console, text: str) -> None:
    """A line across the screen with a title."""
    console.print()
    console.rule(safe(one_line(text, 200), style="bold"), align="left", style="dim")


def diff_or_text(text: str) -> Text:
    """A unified diff in colour, also behind words about it, anything else as it is."""
    if not text.strip():
        return Text("(empty)", style="dim")
    lines = plain(text).rstrip("\n").split("\n")
    is_diff = lines[0].startswith("--- ")
    shown = Text()
    for index, line in enumerate(lines):
        is_diff = is_diff or line.startswith("diff --git ")
        shown.append("\n" if index else "")
        style = (
            next((style for start, style in _DIFF_STYLES if line.startswith(start)), "") if is_diff else ""
        )
        shown.append(line, style=style)
    return shown


def shown_input(text: str, preview: str | None = None) -> Text:
    """The input's members, one per line; long strings (a diff, say) with their line breaks.

    A member that is the preview, or with which it ends after other lines, byte for byte, is named with its
    size and hash instead of shown again.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return Text(plain(text))
    if not isinstance(value, dict):
        return Text(plain(text))
    shown = Text()
    for index, (name, member) in enumerate(value.items()):
        shown.append("\n" if index else "")
        shown.append(f"{one_line(name, 80)}: ", style="bold")
        if isinstance(member, str) and member and member == preview:
            shown.append(f"the preview above, byte for byte ({_measure(member)})")
        elif isinstance(member, str) and "\n" in member and (preview or "").endswith("\n" + member):
            first = (preview or "").removesuffix(member).count("\n") + 1
            shown.append(f"the preview above from its line {first} on, byte for byte ({_measure(member)})")
        elif isinstance(member, str) and "\n" in member:
            shown.append("\n" + plain(member).rstrip("\n"))
        else:
            shown.append(plain(json.dumps(member, ensure_ascii=False)))
    return shown


def _measure(text: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return f"{len(raw):,} bytes, sha256 {hashlib.sha256(raw).hexdigest()}"
