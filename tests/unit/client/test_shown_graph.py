"""A run as a picture in a terminal: right at any width and for any number of nodes."""

from typing import Any

import pytest
from airlock_client.show.graph import Picture, headed
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.logs import LogLevel, LogStream, LogView
from airlock_contracts.statuses import AttemptStatus, NodeStatus, RunStatus
from airlock_contracts.views import NodeView, RunView
from rich.console import Console
from shown_runs import AT, approval, attempt, later, node, run, screen

NOW = later(20)


def shown(view: RunView, width: int = 80, lines: int | None = None, **said: LogView) -> list[str]:
    """The picture's lines on a screen of that width."""
    console, written = screen(width)
    console.print(headed(Picture(view, NOW, said), width=width, lines=lines))
    return [line.rstrip() for line in written.getvalue().splitlines()]


def said(message: str, fraction: float | None = None, **more: Any) -> LogView:
    given: dict[str, Any] = {"id": 1, "attempt": 1, "number": 1, "at": AT, "node": "check"} | more
    return LogView(
        **given, stream=LogStream.PROGRESS, level=LogLevel.INFO, message=message, fraction=fraction
    )


def working(**more: Any) -> Any:
    return attempt(AttemptStatus.RUNNING, **{"finished_at": None, "started_at": AT} | more)


def review() -> RunView:
    """A review in the middle of it all."""
    failed = Failure(kind=FailureKind.AGENT, code="agent.busy", message="later")
    return run(
        node("scan"),
        node("check", NodeStatus.RUNNING, depends_on=["scan"], attempts=[working()]),
        node(
            "style",
            NodeStatus.BACKING_OFF,
            depends_on=["scan"],
            attempts=[
                attempt(),
                attempt(AttemptStatus.FAILED, failure=failed).model_copy(update={"number": 2}),
            ],
            retry_at=later(32),
        ),
        node(
            "apply",
            NodeStatus.WAITING_APPROVAL,
            depends_on=["check"],
            attempts=[],
            approval=approval(),
        ),
        node("notify", NodeStatus.PENDING, depends_on=["apply", "style"], attempts=[]),
        status=RunStatus.RUNNING,
    ).model_copy(update={"finished_at": None})


def test_each_node_says_what_it_does_or_waits_for() -> None:
    asks = "since 20.0 s, expires in 59 min 40 s, then: reject; asked by ada"
    assert shown(review(), 120, check=said("reading app.py", 0.5)) == [
        "security-review v1  RUNNING  20.0 s  1 of 5 nodes ended",
        "1 ─  ✓ scan    SUCCESS           2.00 s   security-scanner@1.0.0 scan",
        "2 ┬  ▶ check   RUNNING           20.0 s   ━━━━━─────  50% reading app.py",
        "  └  ↻ style   BACKING_OFF       2.00 s   try 2: again in 12.0 s: agent.busy",
        f"3 ─  ? apply   WAITING_APPROVAL           {asks}",
        "4 ─  ○ notify  PENDING                    after apply, style",
    ]


def test_progress_without_a_fraction_is_its_message_and_that_of_an_earlier_attempt_is_none() -> None:
    assert shown(review(), check=said("still at it"))[2].endswith("still at it")
    assert shown(review(), check=said("long ago", attempt=7))[2].endswith("on host-1")


def test_times_go_on_while_a_node_works() -> None:
    console, written = screen(80)
    for seconds in (10, 11):
        console.print(headed(Picture(review(), later(seconds)), width=80))
    assert "10.0 s" in written.getvalue()
    assert "11.0 s" in written.getvalue()


def many(layers: int, wide: int, status: Any) -> RunView:
    """A grid of nodes, each below three of the layer before."""
    nodes: list[NodeView] = []
    for row in range(layers):
        for at in range(wide):
            parents = [f"n{row - 1}-{p}" for p in range(max(0, at - 1), min(wide, at + 2))] if row else []
            nodes.append(node(f"n{row}-{at}", status(row, at), depends_on=parents))
    return run(*nodes, status=RunStatus.RUNNING)


def in_the_middle(row: int, at: int) -> NodeStatus:
    if row == 3 and at in (1, 2):
        return NodeStatus.RUNNING
    return NodeStatus.SUCCESS if row < 3 or (row == 3 and at == 0) else NodeStatus.PENDING


def test_forty_nodes_that_do_not_fit_leave_those_that_matter() -> None:
    text = shown(many(5, 8, in_the_middle), lines=10)
    assert [" ".join(line.split()) for line in text] == [
        "security-review v1 RUNNING 3.00 s 25 of 40 nodes ended",
        "1-3 24 nodes 24 SUCCESS",
        "4 ┬ ▶ n3-1 RUNNING 2.00 s on host-1",
        "├ ▶ n3-2 RUNNING 2.00 s on host-1",
        "└ 6 more nodes 5 PENDING, 1 SUCCESS",
        "5 ─ 8 nodes 8 PENDING",
    ]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("lines", [5, 22, 60])
@pytest.mark.parametrize("size", [(1, 1), (5, 1), (5, 8), (50, 20), (1000, 1), (1, 1000)])
def test_no_picture_is_wider_or_longer_than_its_screen(width: int, lines: int, size: tuple[int, int]) -> None:
    view = many(*size, in_the_middle)
    text = shown(view, width, lines)
    assert len(text) <= lines
    assert max(map(len, text)) <= width


def test_all_nodes_are_counted_whatever_is_collapsed() -> None:
    text = shown(many(50, 20, in_the_middle), 120, lines=20)
    counted = [line.split() for line in text[1:]]
    whole = sum(
        int(line[line.index("nodes") - 1]) for line in counted if "nodes" in line and "more" not in line
    )
    more = sum(int(line[line.index("more") - 1]) for line in counted if "more" in line)
    alone = sum("nodes" not in line for line in counted)
    assert whole + more + alone == 1000


def test_who_waits_for_a_person_is_shown_before_all_others() -> None:
    def status(row: int, at: int) -> NodeStatus:
        return NodeStatus.WAITING_APPROVAL if (row, at) == (7, 7) else NodeStatus.QUEUED

    assert any("n7-7" in line for line in shown(many(10, 10, status), lines=5))


def test_a_failure_says_why_and_escapes_in_it_do_nothing() -> None:
    failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="bad\x1b[2J [red]news[/red]")
    (_, line) = shown(run(node("a", NodeStatus.FAILED, failure=failure)), 100)
    assert line.endswith("agent.error: bad\\x1b[2J [red]news[/red]")


def test_no_colour_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(width=80, force_terminal=True, color_system="standard", highlight=False)
    with console.capture() as captured:
        console.print(headed(Picture(review(), NOW), width=80))
    assert not any(f"\x1b[{code}m" in captured.get() for code in range(30, 50))
