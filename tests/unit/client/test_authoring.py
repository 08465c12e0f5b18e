"""Building and trying where the machine itself is at fault, and what an attempt says on the way."""

from pathlib import Path

import pytest
from airlock_client.cli.application import app
from airlock_client.cli.edge import invoke
from airlock_client.exits import Exit
from airlock_client.scaffold.project import write_project
from airlock_client.show.attempt import Hearing, tell_failure, timing_line
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import Protocol


def test_without_an_engine_nobody_is_told_to_mend_a_dockerfile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_project("x", tmp_path / "x", Protocol.STDIO)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    for command in (["build", str(tmp_path / "x")], ["try", str(tmp_path / "x"), "--input", '{"text": ""}']):
        assert invoke(app, ["agents", *command]) == Exit.ERROR
        said = capfd.readouterr().err
        assert "nobody.sock" in said
        assert "Dockerfile" not in said
        assert "Traceback" not in said


def test_a_folder_without_a_manifest_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for verb in ("build", "try"):
        assert invoke(app, ["agents", verb, str(tmp_path)]) == Exit.USAGE
        assert f"{tmp_path}/agent.yaml cannot be read" in capfd.readouterr().err


def test_lines_of_stderr_are_told_whole_although_they_come_in_pieces(
    capfd: pytest.CaptureFixture[str],
) -> None:
    hearing = Hearing(quiet=False)
    for text in ("on", "e\ntw", "o\nthe \x1b[31mend"):
        hearing.hear({"event": "stderr", "text": text})
    hearing.end()
    said = [" ".join(line.split()) for line in capfd.readouterr().err.splitlines()]
    assert said == ["stderr one", "stderr two", "stderr the \\x1b[31mend"]


def test_a_span_is_told_with_its_time_and_whether_it_failed(capfd: pytest.CaptureFixture[str]) -> None:
    hearing = Hearing(quiet=False)
    span = {"event": "span", "name": "parse", "milliseconds": 12.4, "failed": False, "attributes": {"n": 1}}
    hearing.hear(span)
    hearing.hear(span | {"name": "lint", "failed": True})
    said = [" ".join(line.split()) for line in capfd.readouterr().err.splitlines()]
    assert said == ["span parse 12 ms", "span lint 12 ms failed"]


def test_for_a_program_nothing_is_told_and_everything_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    hearing = Hearing(quiet=True)
    hearing.hear({"event": "log", "level": "info", "message": "hello", "fields": {}})
    hearing.end()
    assert capfd.readouterr().err == ""
    assert [event["message"] for event in hearing.events] == ["hello"]


def test_an_agent_that_never_stops_talking_fills_nobodys_memory(capfd: pytest.CaptureFixture[str]) -> None:
    hearing = Hearing(quiet=False)
    for _ in range(100):
        hearing.hear({"event": "stderr", "text": "x" * 32_000 + "\n"})
    hearing.hear({"event": "artifact", "name": "a", "size": 1, "artifact": "sha256:" + "0" * 64})
    said = capfd.readouterr().err
    assert len(said) < 64 * 1024
    assert said.count("what follows is dropped") == 1
    assert [event["event"] for event in hearing.events].count("artifact") == 1
    assert len(hearing.events) < 40


def test_a_failure_is_told_with_its_code_its_place_and_a_hint(capfd: pytest.CaptureFixture[str]) -> None:
    failure = Failure(
        kind=FailureKind.CONTRACT,
        code="output.schema_mismatch",
        message='the output breaks its schema at /n: "x" is not of type "integer"',
        details={"pointer": "/n"},
    )
    tell_failure(failure)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "FAILED output.schema_mismatch (contract)"
    assert lines[2] == "  at /n"
    assert lines[3].startswith("  hint: mend the answer")


def test_a_time_or_a_count_that_is_not_known_is_left_out() -> None:
    times = {f"{name}_ms": None for name in ("create", "start", "ready", "run", "total", "cpu")}
    answer = {"timing": times | {"run_ms": 12.4}, "peak_memory_bytes": None}
    assert timing_line(answer, 64) == "run 12 ms"
