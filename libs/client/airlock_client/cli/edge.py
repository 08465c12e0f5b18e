"""The edge of the command line: one event loop, signals, and every error told as one line and a hint."""

import asyncio
import functools
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec

import typer
from airlock_contracts.problems import Problem
from airlock_sdk import WorkspaceError

from ..embedded.errors import EmbeddedError
from ..errors import ClientError, ProblemError, ServerUnreachable
from ..exits import Exit
from ..local.folder import AlreadyRunning
from ..show.text import one_line

Parameters = ParamSpec("Parameters")
_MESSAGE_LENGTH = 4000
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CommandError(Exception):
    """A command cannot do what was asked: what to say, what to do about it, and the exit code."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class Interrupted(Exception):
    """A signal asked the command to end, and it has."""


def command(
    app: typer.Typer, name: str | None = None, **settings: Any
) -> Callable[[Callable[Parameters, Coroutine[Any, Any, int]]], Callable[Parameters, int]]:
    """Register a coroutine as a command; it answers the exit code."""

    def register(function: Callable[Parameters, Coroutine[Any, Any, int]]) -> Callable[Parameters, int]:
        @functools.wraps(function)
        def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> int:
            return asyncio.run(_until_signal(function(*args, **kwargs)))

        app.command(name, **settings)(run)
        return run

    return register


async def _until_signal(work: Awaitable[int]) -> int:
    """Do the work; the first signal cancels it, further ones change nothing: what was started is stopped."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            sys.stderr.write("airlock: still stopping what was started\n")
        else:
            asked = True
            sys.stderr.write("airlock: stopping\n")
            task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if asked:
            raise Interrupted from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def invoke(app: typer.Typer, arguments: list[str]) -> int:
    """Run a command line; answers its exit code. Never raises, never shows a traceback of a known error."""
    try:
        code = _run(app, arguments)
    except CommandError as error:
        return tell(str(error), error.hint, error.code)
    except Interrupted:
        return Exit.INTERRUPTED
    except (typer.Abort, KeyboardInterrupt):
        return tell("interrupted", "", Exit.INTERRUPTED)
    except typer.TyperException as error:
        return _tell_usage(error)
    except AlreadyRunning as error:
        sys.stdout.write(f"{error}\n")
        return Exit.OK
    except ProblemError as error:
        return tell_problem(error.problem)
    except ServerUnreachable as error:
        return tell(
            str(error),
            "is it running? `airlock status`, `airlock up`, or name another with --url",
            Exit.NOT_RUNNING,
        )
    except (EmbeddedError, ClientError, WorkspaceError) as error:
        return tell(str(error), "`airlock doctor` looks at every part")
    except BrokenPipeError:
        sys.stderr.close()  # who read our output has had enough
        return Exit.ERROR
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return tell(f"{place}{error.strerror or error}")
    return code if isinstance(code, int) else Exit.OK


def _run(app: typer.Typer, arguments: list[str]) -> object:
    """Run it. Of what failed side by side the first is raised: one is enough to be told."""
    try:
        return app(arguments, prog_name="airlock", standalone_mode=False)
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from group


def tell(message: str, hint: str = "", code: Exit = Exit.ERROR) -> Exit:
    """Say on stderr what is wrong and what to do."""
    first, _, rest = message.partition("\n")
    sys.stderr.write(f"airlock: {one_line(first, _MESSAGE_LENGTH)}\n")
    for line in rest.splitlines():  # the end of a log, say
        sys.stderr.write(f"  {one_line(line, _MESSAGE_LENGTH)}\n")
    if hint:
        sys.stderr.write(f"  hint: {one_line(hint, _MESSAGE_LENGTH)}\n")
    return code


def tell_problem(problem: Problem) -> Exit:
    """Say a problem whole: code, what is wrong, every place, the hint, the trace."""
    title = problem.title.rstrip(".")
    tell(f"{title}: {problem.detail}" if problem.detail else title)
    for finding in problem.errors:
        if len(problem.errors) == 1 and finding.message in problem.detail:
            continue  # the first line has said it
        sys.stderr.write(
            f"  {one_line(finding.place)}: {one_line(finding.message, 500)} [{one_line(finding.code)}]\n"
        )
    if problem.hint:
        sys.stderr.write(f"  hint: {one_line(problem.hint, _MESSAGE_LENGTH)}\n")
    trace = f", trace {one_line(problem.trace_id)}" if problem.trace_id else ""
    sys.stderr.write(f"  {problem.status} {one_line(problem.code)}{trace}\n")
    return Exit.ERROR


def _tell_usage(error: typer.TyperException) -> Exit:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")  # the help itself
        return Exit.USAGE
    path = context.command_path if context is not None else "airlock"
    message = error.format_message().replace("Value error, ", "", 1)  # pydantic's word, nobody else's
    return tell(message, f"`{path} --help`", Exit.USAGE)
