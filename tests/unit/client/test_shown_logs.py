"""Agents' lines as a person sees them: whose, when, how much they matter, and never obeyed by a terminal."""

from typing import Any

from airlock_client.show.logs import LogLines
from airlock_contracts.logs import LogLevel, LogStream, LogView
from shown_runs import AT, screen


def line(message: str, **more: Any) -> LogView:
    given: dict[str, Any] = {"stream": LogStream.LOG, "level": LogLevel.INFO, "node": "scan"}
    return LogView(id=1, attempt=more.pop("attempt", 1), number=1, at=AT, message=message, **(given | more))


def shown(*lines: LogView) -> list[str]:
    """The lines as they are written to a terminal."""
    console, written = screen(80)
    text = LogLines()
    for one in lines:
        console.print(text.text(one), soft_wrap=True)
    return written.getvalue().splitlines()


def test_a_line_says_when_whose_how_bad_and_what() -> None:
    assert shown(
        line("reading"),
        line("odd file", level=LogLevel.WARNING, fields={"file": "a.py", "size": 3}),
        line("again", node="review", attempt=2),
    ) == [
        "03:04:05  scan  reading",
        "03:04:05  scan  warning: odd file file=a.py size=3",
        "03:04:05  review/2  again",
    ]


def test_names_stand_in_a_column_as_wide_as_the_widest_so_far() -> None:
    lines = shown(line("a", node="compliance"), line("b"), line("c", node="x" * 60), line("d"))
    assert lines[:2] == ["03:04:05  compliance  a", "03:04:05  scan        b"]
    assert lines[3] == f"03:04:05  {'scan':<24}  d"


def test_progress_shows_how_far_it_is() -> None:
    given = {"stream": LogStream.PROGRESS}
    assert shown(line("files", fraction=0.256, **given), line("so far", **given)) == [
        "03:04:05  scan   26% files",
        "03:04:05  scan  so far",
    ]


def test_what_airlock_says_stands_apart_from_what_the_agent_says() -> None:
    assert shown(line("2 lines lost", stream=LogStream.AIRLOCK)) == ["03:04:05  scan  (2 lines lost)"]


def test_escapes_and_markup_of_any_line_do_nothing() -> None:
    hostile = "\x1b]0;pwned\x07[red]x[/red]\u202e\r\x9b2J"
    for one in (
        line(hostile),
        line(hostile, stream=LogStream.PROGRESS),
        line(hostile, stream=LogStream.AIRLOCK),
        line("x", fields={hostile: hostile, "deep": [hostile]}),
    ):
        (text,) = shown(one)
        assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(text)
        assert "[red]" in text


def test_further_lines_of_a_message_stand_below_its_first() -> None:
    assert shown(line("Traceback:\n  File x", fields={"n": 1})) == [
        "03:04:05  scan  Traceback: n=1",
        "                  File x",
    ]
