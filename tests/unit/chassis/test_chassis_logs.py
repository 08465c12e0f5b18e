"""Logs: one JSON object per line, whatever is logged."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from airlock_chassis.telemetry import bind, configure_logs, forget_secrets, get_logger, register_secret

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Logs go to memory; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    config = structlog.get_config()
    out = io.StringIO()
    configure_logs(service="test", version="1.2.3", stream=out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.configure(**config)
    forget_secrets()


def test_a_line_has_time_level_event_service_and_the_bound_ids(lines: Lines) -> None:
    with bind(run="r1", node="scan", attempt=None):
        get_logger("some.module").info("attempt.finished", seconds=1.5)
    get_logger("some.module").warning("later")
    first, second = lines()
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "level": "info",
        "event": "attempt.finished",
        "service": "test",
        "version": "1.2.3",
        "logger": "some.module",
        "run": "r1",
        "node": "scan",
        "seconds": 1.5,
    }
    assert second["level"] == "warning"
    assert "run" not in second


def test_libraries_write_the_same_lines(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("started on %s:%d", "127.0.0.1", 9002, extra={"port": 9002})
    (line,) = lines()
    assert line["event"] == "started on 127.0.0.1:9002"
    assert line["logger"] == "uvicorn.error"
    assert line["port"] == 9002
    assert not [key for key in line if key.startswith("_")]


def test_an_exception_is_logged_whole_with_its_cause(lines: Lines) -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        get_logger("x").exception("it.failed")
    (line,) = lines()
    assert "KeyError: 'inner'" in line["exception"]
    assert "RuntimeError: outer" in line["exception"]
    assert line["level"] == "error"


def test_control_characters_and_newlines_cannot_break_a_line(lines: Lines) -> None:
    evil = 'x\n{"level":"info","event":"forged"}\r\x1b[31m\x00'
    get_logger("x").info("evil", text=evil)
    (line,) = lines()
    assert line["text"] == evil


def test_what_json_cannot_say_is_still_a_line(lines: Lines) -> None:
    get_logger("x").info("odd", surrogate="\udcff", huge=2**80, thing=object(), raw=b"12345")
    (line,) = lines()
    assert line["event"] == "odd"
    assert "udcff" in line["surrogate"]


def test_no_line_grows_without_end(lines: Lines) -> None:
    deep: Any = "bottom"
    for _ in range(100):
        deep = [deep]
    get_logger("x").info("big", text="a" * 1_000_000, many=list(range(100_000)), deep=deep)
    (line,) = lines()
    assert len(json.dumps(line)) < 20_000


@pytest.mark.parametrize("name", ["password", "token", "nats_password", "Authorization", "api_key", "secret"])
def test_a_field_named_like_a_secret_is_masked(lines: Lines, name: str) -> None:
    get_logger("x").info("login", **{name: "hunter2", "nested": {name: "hunter2"}})
    (line,) = lines()
    assert line[name] == "***"
    assert "hunter2" not in json.dumps(line)


def test_a_registered_secret_never_appears_wherever_it_stands(lines: Lines) -> None:
    register_secret("s3cr3t-value")
    get_logger("x").info("a s3cr3t-value here", inner={"list": ["and s3cr3t-value there"]})
    try:
        raise ValueError("failed with s3cr3t-value")
    except ValueError:
        get_logger("x").exception("oops")
    get_logger("x").info("url", address="nats://user:pa55@127.0.0.1:4222/x")
    text = json.dumps(lines())
    assert "s3cr3t-value" not in text
    assert "pa55" not in text
    assert "127.0.0.1:4222" in text


def test_lines_below_the_level_are_not_written(lines: Lines) -> None:
    get_logger("x").debug("detail")
    assert lines() == []
