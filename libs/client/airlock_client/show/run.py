"""A run for people: its nodes, and of each failure what happened, where, what it said, what to try next."""

from datetime import UTC, datetime

from airlock_contracts.failures import (
    AGENT_ERROR,
    AGENT_PROTOCOL,
    APPROVAL_EXPIRED,
    APPROVAL_REJECTED,
    EXIT_NONZERO,
    IMAGE_MISSING,
    INPUT_SCHEMA_MISMATCH,
    INPUT_TOO_LARGE,
    MEMORY_EXCEEDED,
    OUTPUT_INVALID_JSON,
    OUTPUT_SCHEMA_MISMATCH,
    OUTPUT_TOO_LARGE,
    TEMPLATE_FAILED,
    TIMEOUT_EXCEEDED,
    Failure,
)
from airlock_contracts.statuses import ApprovalStatus, NodeStatus, RunStatus
from airlock_contracts.views import NodeView, RunView
from rich.console import Console
from rich.table import Table

from .graph import Picture, graph
from .text import between, one_line, plain, safe, status

STDERR_LINES = 20
_RAW_CHARACTERS = 2000
_LISTED = 20
"""Members of a list in a failure's details."""
_TRACEBACK = "traceback"
"""Of the SDK, where an exception left the function: its places."""
_ADVICE = {
    TEMPLATE_FAILED: "airlock workflows show {workflow}    the template, and what its ancestors put out",
    INPUT_SCHEMA_MISMATCH: "airlock agents show {agent}    what it takes",
    INPUT_TOO_LARGE: "pass large things as artifacts: airlock artifacts put PATH",
    OUTPUT_INVALID_JSON: "airlock agents show {agent}    its author must mend what it prints",
    OUTPUT_SCHEMA_MISMATCH: "airlock agents show {agent}    its author must mend what it prints",
    OUTPUT_TOO_LARGE: "airlock agents show {agent}    its limits; large things belong into artifacts",
    MEMORY_EXCEEDED: "airlock agents show {agent}    its limits; register a version with more memory",
    TIMEOUT_EXCEEDED: "airlock agents show {agent}    its limits; register a version with more time",
    IMAGE_MISSING: "airlock hosts    which hosts lack which images",
    APPROVAL_REJECTED: "airlock approvals show {approval}    who rejected it, and why",
    AGENT_ERROR: "airlock run {workflow} --context-of {run}    once it is mended; a retry keeps the versions",
    AGENT_PROTOCOL: "airlock agents show {agent}    its author must mend how it speaks",
    APPROVAL_EXPIRED: "airlock runs retry {run}    its gate asks again",
}
_ANY_ADVICE = "airlock runs retry {run}    a new run of the same versions that copies what succeeded"


def show_run(console: Console, run: RunView) -> None:
    """Print a run whole; nothing in it is read as markup or sent to the terminal raw."""
    facts = Table.grid(padding=(0, 2))
    rows = [
        ("run", safe(run.id)),
        ("workflow", safe(f"{run.workflow}, version {run.workflow_version}")),
        ("status", status(run.status)),
        ("started", safe(f"{run.created_at:%Y-%m-%d %H:%M:%S}Z by {run.created_by}")),
    ]
    if run.finished_at is not None:
        took = between(run.created_at, run.finished_at)
        rows.append(("ended", safe(f"{run.finished_at:%Y-%m-%d %H:%M:%S}Z, after {took}")))
    if run.retry_of is not None:
        rows.append(("retry of", safe(run.retry_of)))
    if run.cancel is not None:
        why = f": {one_line(run.cancel.reason, 1000)}" if run.cancel.reason else ""
        rows.append(("cancelled", safe(f"{run.cancel.at:%Y-%m-%d %H:%M:%S}Z by {run.cancel.by}{why}")))
    if run.trace_id is not None:
        rows.append(("trace", safe(run.trace_id)))
    for name, value in rows:
        facts.add_row(safe(name, style="bold"), value)
    console.print(facts)
    console.print()
    console.print(graph(Picture(run, datetime.now(UTC)), width=console.width))
    show_open(console, run)


def show_open(console: Console, run: RunView) -> None:
    """Print what a run's nodes leave to be done: what failed and why, and who waits for a decision."""
    for node in run.nodes:
        if node.status is NodeStatus.FAILED and node.failure is not None:
            console.print()
            _show_failed(console, run, node, node.failure)
    for node in run.nodes:
        if node.approval is not None and node.approval.status is ApprovalStatus.PENDING:
            console.print()
            console.print(safe(f"{node.id} waits for a decision", style="bold yellow"))
            _show_next(console, f"airlock approvals show {node.approval.id}")
            _show_next(console, f"airlock approvals approve {node.approval.id}")
    if run.status is RunStatus.FAILED and not any(node.failure for node in run.nodes) and run.failure:
        console.print()
        console.print(safe(f"{run.failure.code}: {run.failure.message}"))


def _show_failed(console: Console, run: RunView, node: NodeView, failure: Failure) -> None:
    console.print(safe(f"{node.id} failed: {failure.code} ({failure.kind})", style="bold red"))
    console.print(safe(f"  {one_line(failure.message, 4000)}"))
    for name, value in failure.details.items():
        if value in ("", None) or name == _TRACEBACK:
            continue
        if isinstance(value, list):
            _show_block(console, one_line(name, 60), [one_line(each, 500) for each in value[:_LISTED]])
            continue
        console.print(safe(f"  {one_line(name, 60)}: {one_line(value, 500)}"))
    places = failure.details.get(_TRACEBACK)
    if isinstance(places, list):
        _show_block(
            console, "where it was raised, the innermost last", [one_line(place, 500) for place in places]
        )
    last = node.attempts[-1] if node.attempts else None
    if last is not None:
        host = f" on {last.host}" if last.host else ""
        console.print(safe(f"  attempt {last.number}{host}: {last.status}", style="dim"))
        if last.stderr_tail:
            _show_block(console, "the end of its stderr", last.stderr_tail.splitlines()[-STDERR_LINES:])
        elif failure.code == EXIT_NONZERO:
            console.print(safe("  it wrote nothing to stderr", style="dim"))
        if last.raw_output and _TRACEBACK not in failure.details:  # frames, which say the same once more
            _show_block(
                console, "what it printed", last.raw_output[:_RAW_CHARACTERS].splitlines()[:STDERR_LINES]
            )
    _show_next(console, advice(run, node, failure))
    if last is not None:
        console.print(safe(f"  its log, if it said anything: airlock logs {run.id} --node {node.id}"))


def advice(run: RunView, node: NodeView, failure: Failure) -> str:
    """The next command to try."""
    text = _ADVICE.get(failure.code, _ANY_ADVICE)
    approval = node.approval.id if node.approval is not None else ""
    return text.format(run=run.id, workflow=run.workflow, agent=node.agent, approval=approval)


def _show_block(console: Console, title: str, lines: list[str]) -> None:
    console.print(safe(f"  {title}:", style="dim"))
    for line in lines:
        console.print(safe(f"    {plain(line)}"))


def _show_next(console: Console, command: str) -> None:
    console.print(safe(f"  next: {command}"))
