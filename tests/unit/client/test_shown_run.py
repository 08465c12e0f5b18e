"""A run as a person sees it: what failed, where, what it said, what to try next."""

import io

import pytest
from airlock_client.cli import output
from airlock_client.show.graph import Picture, graph, layers, waited, worked
from airlock_client.show.live import line
from airlock_client.show.run import show_run
from airlock_client.show.text import one_line, plain, seconds, size
from airlock_contracts.events import Event, EventType
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import ApprovalStatus, AttemptStatus, NodeStatus, RunStatus
from airlock_contracts.views import CancelView, RunView
from rich.console import Console
from shown_runs import AT, RUN, approval, attempt, later, node, run, screen

MISMATCH = Failure(
    kind=FailureKind.CONTRACT,
    code="output.schema_mismatch",
    message="17 is not of type 'string'",
    details={"pointer": "/findings/3/file"},
)


def shown(view: RunView) -> str:
    console, written = screen(120)
    show_run(console, view)
    return written.getvalue()


def failed(failure: Failure, **more: object) -> RunView:
    last = attempt(AttemptStatus.FAILED, **more)
    return run(node(status=NodeStatus.FAILED, failure=failure, attempts=[last]))


def test_a_failed_node_shows_failure_pointer_and_next_command() -> None:
    text = shown(failed(MISMATCH))
    assert "scan failed: output.schema_mismatch (contract)" in text
    assert "17 is not of type 'string'" in text
    assert "pointer: /findings/3/file" in text
    assert "next: airlock agents show security-scanner@1.0.0" in text


def test_a_cancelled_run_shows_who_cancelled_it_and_why() -> None:
    cancel = CancelView(by="ada", at=later(1), reason="wrong\nbranch")
    text = shown(run(node(status=NodeStatus.CANCELLED), status=RunStatus.CANCELLED, cancel=cancel))
    assert "2026-01-02 03:04:06Z by ada: wrong branch\n" in text


def test_only_the_last_20_lines_of_stderr_are_shown() -> None:
    text = shown(failed(MISMATCH, stderr_tail="\n".join(f"line {number}" for number in range(50))))
    assert "line 29\n" not in text
    assert all(f"line {number}\n" in text for number in range(30, 50))


def test_what_it_printed_is_shown_and_its_escapes_are_spelled_out() -> None:
    text = shown(failed(MISMATCH, raw_output="\x1b]0;pwned\x07{", stderr_tail="[red]not red[/red]"))
    assert "\x1b" not in text
    assert "\\x1b]0;pwned\\x07{" in text
    assert "[red]not red[/red]" in text


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("exit.nonzero", f"airlock runs retry {RUN}"),
        ("agent.error", f"airlock run security-review --context-of {RUN}"),
        ("image.missing", "airlock hosts"),
        ("memory.exceeded", "airlock agents show security-scanner@1.0.0"),
        ("template.failed", "airlock workflows show security-review"),
    ],
)
def test_each_failure_has_a_next_command(code: str, command: str) -> None:
    assert f"next: {command}" in shown(failed(MISMATCH.model_copy(update={"code": code})))


def test_on_a_narrow_screen_nodes_stay_whole_and_what_is_cut_says_so() -> None:
    console, written = screen(60)
    long = MISMATCH.model_copy(update={"message": "word " * 30})
    console.print(graph(Picture(failed(long), later(3)), width=60))
    row = written.getvalue().splitlines()[0]
    assert row.startswith("1 ─  ✕ scan  FAILED")
    assert row.rstrip().endswith("…")


def test_a_table_that_does_not_fit_becomes_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    console = Console(file=written, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(output, "terminal", lambda: console)
    row = (RUN, "WAITING_APPROVAL", "security-review v1", "2026-11-21 01:05:06Z", "root", "")
    output.print_table(("run", "status", "workflow", "started", "by", "failure"), [row], empty="")
    assert written.getvalue().splitlines()[0].rstrip() == f"{RUN}  WAITING_APPROVAL"
    assert "workflow security-review v1, started 2026-11-21 01:05:06Z, by root" in written.getvalue()


def test_a_node_at_its_gate_names_the_commands_that_decide() -> None:
    view = run(
        node(status=NodeStatus.WAITING_APPROVAL, approval=approval()), status=RunStatus.WAITING_APPROVAL
    )
    assert f"airlock approvals approve {approval().id}" in shown(view)


def test_the_wait_at_the_gate_is_not_in_the_time_of_the_work() -> None:
    decided = approval(status=ApprovalStatus.APPROVED, decided_at=later(100), decided_by="ada")
    work = attempt(dispatched_at=later(100), started_at=later(101), finished_at=later(103))
    gated = node(approval=decided, attempts=[work], started_at=AT, finished_at=later(103))
    assert (worked(gated), waited(gated)) == (later(3) - AT, later(100) - AT)


def test_a_node_stands_one_below_its_deepest_parent() -> None:
    nodes = [node("a"), node("b", depends_on=["a"]), node("c", depends_on=["a", "b"])]
    assert layers(nodes) == {"a": 0, "b": 1, "c": 2}


def test_an_event_is_one_line_without_escapes() -> None:
    data = {"status": "FAILED", "failure": {"code": "agent.error", "message": "two\nlines \x1b[31m"}}
    event = Event(
        run=RUN, seq=1, at=AT, type=EventType.NODE_FINISHED, principal="airlock", node="scan", data=data
    )
    assert (
        line(event).plain
        == "03:04:05  node.finished       scan          FAILED  agent.error: two lines \\x1b[31m"
    )


def test_text_is_bounded_and_kept_in_one_line() -> None:
    assert one_line("a\n b\t c") == "a b c"
    assert one_line("x" * 10, 5) == "xxxx…"
    assert plain("tab\tand\nbreak") == "tab\tand\nbreak"


@pytest.mark.parametrize(
    ("value", "text"), [(0.421, "0.42 s"), (12.3, "12.3 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")]
)
def test_durations_for_people(value: float, text: str) -> None:
    assert seconds(value) == text


def test_bytes_for_people() -> None:
    assert [size(512), size(2048), size(3 * 1024**2)] == ["512 B", "2.0 KiB", "3.0 MiB"]
