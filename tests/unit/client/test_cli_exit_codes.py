"""What a script learns from the exit code, and a person from one line on stderr."""

import re
from pathlib import Path

import pytest
import typer
from airlock_client.cli.application import app
from airlock_client.cli.edge import CommandError, command, invoke
from airlock_client.embedded.errors import ServerFailed
from airlock_client.errors import ProblemError, ServerUnreachable
from airlock_client.exits import TABLE, Exit, of_run
from airlock_contracts.problems import Finding, Problem
from airlock_contracts.statuses import RunStatus

PROBLEM = Problem(
    type="https://example.com/errors/workflow.invalid",
    title="The workflow cannot be used.",
    status=422,
    detail="2 problems",
    code="workflow.invalid",
    category="input",
    hint="Mend each place.",
    errors=[Finding(place="nodes.a", code="workflow.cycle", message="a -> b -> a")],
    trace_id="0af7651916cd43dd8448eb211c80319c",
)


def run_raising(error: BaseException) -> int:
    failing = typer.Typer()

    @command(failing, "fail")
    async def fail() -> int:
        raise error

    @failing.callback()
    def root() -> None: ...

    return invoke(failing, ["fail"])


def test_the_help_and_the_page_tell_the_same_codes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "exit-codes.md").read_text()
    codes = [str(int(code)) for code in Exit]
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == codes
    assert re.findall(r"(?:^Exit codes: |\. )(\d+) ", TABLE) == codes
    (page_on_2,) = re.findall(r"^\| 2 \| .*", page, re.MULTILINE)
    for commands in ("probe", "agents try"):
        assert f"{commands}: " in TABLE
        assert commands in page_on_2


def test_an_unknown_command_is_a_usage_error_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(app, ["frobnicate"]) == Exit.USAGE
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["airlock: No such command 'frobnicate'.", "  hint: `airlock --help`"]


def test_a_missing_option_names_it_and_its_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(app, ["keys", "create"]) == Exit.USAGE
    assert "--name" in (said := capfd.readouterr().err)
    assert "`airlock keys create --help`" in said


def test_a_group_without_a_command_prints_its_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(app, ["runs"]) == Exit.USAGE
    assert "retry" in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", ["up", "run", "runs", "approvals", "keys", "demo", "purge", "doctor"])
def test_every_command_has_help_and_the_help_is_exit_0(name: str) -> None:
    assert invoke(app, [name, "--help"]) == Exit.OK


def test_a_problem_is_told_whole_with_its_places(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_raising(ProblemError(PROBLEM)) == Exit.ERROR
    assert capfd.readouterr().err.splitlines() == [
        "airlock: The workflow cannot be used: 2 problems",
        "  nodes.a: a -> b -> a [workflow.cycle]",
        "  hint: Mend each place.",
        "  422 workflow.invalid, trace 0af7651916cd43dd8448eb211c80319c",
    ]


def test_who_does_not_answer_has_an_exit_code_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_raising(ServerUnreachable("nothing answers at http://127.0.0.1:1")) == Exit.NOT_RUNNING
    assert "airlock up" in capfd.readouterr().err


def test_a_server_that_failed_is_told_with_the_end_of_its_log(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_raising(ServerFailed("Postgres ended. The end of x.log:\n  \x1b[31mno space")) == Exit.ERROR
    said = capfd.readouterr().err
    assert "no space" in said
    assert "\x1b" not in said


def test_a_command_says_its_own_exit_code_and_hint(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_raising(CommandError("no sample here", "name one", Exit.USAGE)) == Exit.USAGE
    assert capfd.readouterr().err == "airlock: no sample here\n  hint: name one\n"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.SUCCESS, 0),
        (RunStatus.FAILED, 2),
        (RunStatus.CANCELLED, 2),
        (RunStatus.WAITING_APPROVAL, 5),
    ],
)
def test_a_followed_run_gives_the_exit_code(status: RunStatus, code: int) -> None:
    assert of_run(status) == code
