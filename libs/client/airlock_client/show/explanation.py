"""An explanation for people: plain sentences, since when, until when, and the command that moves it on."""

from datetime import datetime

from airlock_contracts.explanations import Explanation, FailedNode, RetryPlan, Waiting
from rich.console import Console

from .text import one_line, safe, seconds, status

_NAMED = 10
"""Nodes that one line names."""


def show_explanation(console: Console, said: Explanation) -> None:
    """Print why a run stands where it stands; nothing in it is sent to the terminal raw."""
    console.print(safe(f"run {said.run} of {said.workflow} is ", style="bold"), status(said.status), sep="")
    _show_lines(console, said.why, said.then, said.at, said.since, said.command, said)
    for node in said.waiting:
        console.print()
        _show_waiting(console, node, said)
    for failed in said.failed:
        console.print()
        _show_failed(console, failed)
    if said.retry is not None:
        console.print()
        _show_retry(console, said.retry)


def _show_waiting(console: Console, node: Waiting, said: Explanation) -> None:
    console.print(safe(f"{node.node} is ", style="bold"), status(node.status), sep="")
    _show_lines(console, node.why, node.then, node.at, node.since, node.command, said)


def _show_lines(
    console: Console,
    why: str,
    then: str,
    at: datetime | None,
    since: datetime | None,
    command: str | None,
    said: Explanation,
) -> None:
    waited = "" if since is None else f" (since {_clock(since)}, {seconds(said.now - since)})"
    console.print(safe(f"  why:   {one_line(why, 1000)}{waited}"))
    due = "" if at is None else f", {_when(at, said.now)}"
    console.print(safe(f"  then:  {one_line(then, 1000)}{due}"))
    if command is not None:
        console.print(safe(f"  next:  {one_line(command)}"))


def _show_failed(console: Console, failed: FailedNode) -> None:
    console.print(safe(f"{failed.node} failed: {failed.code} ({failed.kind})", style="bold red"))
    console.print(safe(f"  why:   {one_line(failed.message, 4000)}"))
    if failed.attempt is not None:
        host = f" on {failed.host}" if failed.host else ""
        console.print(safe(f"  where: attempt {one_line(failed.attempt)}{host}"))
    console.print(safe(f"  do:    {failed.todo}"))


def _show_retry(console: Console, retry: RetryPlan) -> None:
    if not retry.possible:
        console.print(safe(f"a retry is not possible: {retry.why_not}"))
        return
    console.print(safe(f"a retry copies {_listed(retry.copies)} and starts {_listed(retry.redoes)} anew"))
    console.print(safe("it runs the same versions of the workflow and its agents, with the same context"))


def _listed(names: list[str]) -> str:
    if not names:
        return "nothing"
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _when(at: datetime, now: datetime) -> str:
    """By when something happens: the time, and how long that is."""
    if at <= now:
        return f"due since {_clock(at)}"
    return f"at {_clock(at)}, in {seconds(at - now)}"
