"""Building and trying an agent of one's own: the agents side has Docker, the service judges."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airlock_contracts.failures import Failure
from airlock_contracts.manifest import Manifest
from airlock_contracts.problems import Finding

from .parts import run_module
from .shipped import docker_environment

_BUILD_SECONDS = 1800.0
_CHECK_SECONDS = 60.0
_BEYOND_SECONDS = 120.0
"""What opening, closing and a cold engine may take beyond an agent's own time limit."""
_AUTHOR = "author"
MANIFEST, INPUT, OUTPUT, GIVEN, MADE = "manifest.json", "input.json", "output", "given", "made"
"""What stands in the folder through which an attempt is given its input and gives its answer."""


class AuthoringProblem(Exception):
    """An agent cannot be built or tried; the first line says why."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.is_of_the_build = kind == "BuildProblem"
        """Its Dockerfile or base is to blame, and not its manifest or the engine."""
        self.is_of_the_code = kind == "BrokenCode"
        """Its own module is to blame."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build answers."""

    agent: str
    image: str
    image_id: str
    size: int
    """Bytes."""
    context_bytes: int
    seconds: float
    schemas: dict[str, Any] | None
    """What each action's function takes and answers; None where that cannot be told."""
    no_schemas: str
    """Why."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the service would say of a manifest, an input, an output."""

    manifest: Manifest | None
    """As registration would read it; None where it could not be registered."""
    findings: tuple[Finding, ...]
    """Why it could not."""
    failure: Failure | None
    """Of the input or the output."""


async def build_agent(
    folder: Path, manifest: Manifest, base: str | None, install: str, say: Callable[[str], None]
) -> Built:
    """Build a folder's image; `say` hears of progress. Raises AuthoringProblem, ServerFailed."""
    with exchange_folder() as exchange:
        module = ["airlock_agents", "author", "build", str(folder), "--install", install]
        module += ["--manifest", await _hand_over(manifest, exchange)]
        module += ["--base", base] if base else []
        said = await run_module(module, docker_environment(), seconds=_BUILD_SECONDS, say=say, codes=(0, 1))
        return Built(**_answer(said))


async def try_agent(
    manifest: Manifest,
    action: str,
    exchange: Path,
    *,
    install: str,
    hear: Callable[[Mapping[str, Any]], None],
) -> dict[str, Any]:
    """Ask an agent for an action, once, in the real sandbox; `hear` gets what happens, as it happens.

    Answers how it ended. Raises AuthoringProblem, ServerFailed.
    """
    module = ["airlock_agents", "author", "try", "--manifest", await _hand_over(manifest, exchange)]
    module += ["--action", action, "--exchange", str(exchange), "--install", install, "--while-stdin"]

    def listen(line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = {"event": "note", "text": line}  # a warning of a library
        hear(event)

    said = await run_module(
        module,
        docker_environment(),
        seconds=manifest.limits.timeout_seconds + _BEYOND_SECONDS,
        say=listen,
        codes=(0, 1),
        keep_stdin=True,
    )
    return _answer(said)


async def judge(
    manifest: Path,
    *,
    action: str | None = None,
    exchange: Path | None = None,
    made: Sequence[str] = (),
    output: bool = False,
) -> Judged:
    """Ask what the service would say of a manifest and, in an attempt's folder, of its input or its output.

    Raises ServerFailed.
    """
    module = ["airlock_orchestration.check", str(manifest)]
    if action is not None and exchange is not None:
        module += ["--action", action, "--input", str(exchange / INPUT)]
        module += ["--output", str(exchange / OUTPUT)] if output else []
        module += [word for digest in made for word in ("--made", digest)]
    said = json.loads(await run_module(module, {}, seconds=_CHECK_SECONDS))
    document, failure = said["manifest"], said["failure"]
    return Judged(
        Manifest.model_validate(document) if document else None,
        tuple(Finding.model_validate(one) for one in said["findings"]),
        Failure.model_validate(failure) if failure else None,
    )


@contextmanager
def exchange_folder() -> Iterator[Path]:
    """A temporary folder for one attempt: what it is given, what it makes."""
    with tempfile.TemporaryDirectory(prefix="airlock-try-") as name:
        folder = Path(name)
        (folder / GIVEN).mkdir()
        (folder / MADE).mkdir()
        yield folder


def install_label(known: str | None) -> str:
    """The label on what is made: of the install on this machine, so that its purge finds what was left."""
    return known or _AUTHOR


async def _hand_over(manifest: Manifest, exchange: Path) -> str:
    """Write a manifest for the agents side: read once, by the one reader, and by nobody else again."""
    path = exchange / MANIFEST
    await asyncio.to_thread(path.write_text, manifest.model_dump_json(), "utf-8")
    return str(path)


def _answer(said: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(said)
    if "problem" in answer:
        raise AuthoringProblem(answer["problem"], answer["kind"])
    return answer
