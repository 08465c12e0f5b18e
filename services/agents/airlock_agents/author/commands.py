"""`python -m airlock_agents author build | try`: an author's commands, as `airlock agents` runs them."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from airlock_contracts.statuses import Protocol

from ..images.build_log import say_on_stderr
from ..images.folder_images import FolderBuilder
from ..images.packages import BuildProblem
from ..sandbox.docker import EngineFailed
from ..sandbox.engine import Engine, EngineProblem, connect, find_engine
from .attempt import Bench, as_document
from .manifest import AuthorProblem, read_manifest
from .schemas import derived_schemas

_BUILD_SECONDS = 900.0
DEFAULT_INSTALL = "author"


def add_author(subparsers: Any) -> None:
    """`author build` and `author try`."""
    parser = subparsers.add_parser("author", help="build and try an agent of one's own (airlock agents ...)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    build = verbs.add_parser("build", help="build a folder's image; answers JSON")
    build.add_argument("folder", type=Path)
    build.add_argument("--base", metavar="IMAGE", help="in the place of the Dockerfile's own ARG base")
    build.set_defaults(run=_build)
    trying = verbs.add_parser("try", help="one attempt in the real sandbox; events on stderr, answers JSON")
    trying.add_argument("--action", required=True)
    trying.add_argument(
        "--exchange", type=Path, required=True, help="input.json and given/; gets output, made/"
    )
    trying.add_argument("--while-stdin", action="store_true", help="stop when stdin ends: its owner is gone")
    trying.set_defaults(run=_try)
    for verb in (build, trying):
        verb.add_argument("--manifest", type=Path, required=True, help="agent.yaml as JSON, as it was judged")
        verb.add_argument("--install", default=DEFAULT_INSTALL, help="the label on what is made")


def _build(chosen: argparse.Namespace) -> int:
    _log_on_stderr()
    try:
        manifest = read_manifest(chosen.manifest)
        engine = find_engine(chosen.environ, Path.home())
        client = connect(engine, timeout=_BUILD_SECONDS)
        try:
            builder = FolderBuilder(
                client,
                architecture=engine.architecture,
                airlock_base=chosen.environ.get("AIRLOCK_BASE_IMAGE") or None,
                install=chosen.install,
                say=say_on_stderr,
            )
            image = builder.build(chosen.folder, manifest.image, base=chosen.base)
        finally:
            client.close()
        if manifest.protocol is Protocol.AIRLOCK_1:
            say_on_stderr(f"{image.tag}: reading the hints of its functions")
        schemas, reason = asyncio.run(_schemas(engine, chosen.install, manifest))
    except (AuthorProblem, BuildProblem, EngineProblem, EngineFailed) as problem:
        return _fail(problem)
    answer = {
        "agent": f"{manifest.name}@{manifest.version}",
        "image": image.tag,
        "image_id": image.image_id,
        "size": image.size,
        "context_bytes": image.context_bytes,
        "seconds": image.seconds,
        "schemas": schemas,
        "no_schemas": reason,
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


async def _schemas(engine: Engine, install: str, manifest: Any) -> tuple[dict[str, Any] | None, str]:
    async with Bench.opened(engine, install) as bench:
        return await derived_schemas(bench, manifest)


def _try(chosen: argparse.Namespace) -> int:
    _log_on_stderr()
    try:
        manifest = read_manifest(chosen.manifest)
        if chosen.action not in manifest.actions:
            known = ", ".join(manifest.actions)
            raise AuthorProblem(f"{manifest.name} has no action {chosen.action}; there are: {known}")
        document = (chosen.exchange / "input.json").read_bytes()
        engine = find_engine(chosen.environ, Path.home())

        async def attempt() -> dict[str, Any]:
            async with Bench.opened(engine, chosen.install) as bench:
                tried = await bench.attempt(manifest, chosen.action, document, chosen.exchange, _tell)
                return await asyncio.to_thread(as_document, tried, chosen.exchange / "output")

        answer = asyncio.run(_cancellable(attempt(), watch_stdin=chosen.while_stdin))
    except (AuthorProblem, EngineProblem, EngineFailed, OSError) as problem:
        return _fail(problem)
    if answer is None:
        raise KeyboardInterrupt
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


async def _cancellable(work: Any, *, watch_stdin: bool) -> dict[str, Any] | None:
    """Do the work; SIGINT, SIGTERM and, where asked, the end of stdin cancel it once, and it cleans up."""
    loop = asyncio.get_running_loop()
    task: asyncio.Task[dict[str, Any]] = asyncio.ensure_future(work)
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:  # a second cancel would break off the cleaning up
            asked = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    if watch_stdin:
        loop.add_reader(0, lambda: None if os.read(0, 1024) else _ended(loop, stop))
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        if watch_stdin:
            loop.remove_reader(0)


def _ended(loop: asyncio.AbstractEventLoop, stop: Any) -> None:
    loop.remove_reader(0)
    stop()


def _log_on_stderr() -> None:
    """stdout is the answer alone."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _tell(event: Mapping[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(json.dumps(event) + "\n")
        sys.stderr.flush()


def _fail(problem: Exception) -> int:
    sys.stdout.write(json.dumps({"problem": str(problem), "kind": type(problem).__name__}) + "\n")
    return 1
