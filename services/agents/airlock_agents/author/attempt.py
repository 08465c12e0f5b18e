"""One attempt at an action in the real sandbox: the policy, limits and code that hosts use, without a run."""

import codecs
import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airlock_contracts.manifest import Manifest
from airlock_contracts.messages import AttemptId, Usage
from airlock_contracts.statuses import Protocol

from ..sandbox.engine import Engine
from ..sandbox.guard import guarded
from ..sandbox.inputs import BrokenInput, input_artifacts
from ..sandbox.outcome import Failed, Outcome
from ..sandbox.pinning import Unusable, inspect_image
from ..sandbox.policy import Owner
from ..sandbox.ports import InputArtifact, SandboxRequest, SandboxSpec
from ..sandbox.sandbox import OpenFailed, Sandbox
from ..sandbox.sandboxes import Sandboxes
from .exchange import FolderExchange, NoSuchArtifact, Tell, TooLarge
from .manifest import AuthorProblem
from .timing import TimedContainers, Timing

HOST = "author"
"""The label of a host that is none: no janitor's own."""
_BOOT = "author"
_LOOK_SECONDS = 0.02
"""Often: authors choose `memory_mb` by what they see here, and there is but one sandbox."""


@dataclass(frozen=True)
class Tried:
    """How an attempt ended, and where its time went."""

    image_id: str
    outcome: Outcome
    timing: Mapping[str, float | None]
    peak_memory_bytes: int | None
    """None where this machine does not show it."""


class Bench:
    """Where attempts are tried: one engine, one install's label on what is made."""

    def __init__(self, containers: TimedContainers, install: str) -> None:
        self._containers = containers
        self._install = install
        self._sandboxes = Sandboxes(
            containers, install=install, host=HOST, boot=_BOOT, look_seconds=_LOOK_SECONDS
        )

    @classmethod
    @asynccontextmanager
    async def opened(cls, engine: Engine, install: str) -> AsyncIterator["Bench"]:
        """Open one; leaves no container behind."""
        containers = await TimedContainers.connect(engine, threads=4)
        assert isinstance(containers, TimedContainers)
        try:
            yield cls(containers, install)
        finally:
            await containers.close()

    async def pin(self, image: str) -> str:
        """The id that containers run. Raises AuthorProblem."""
        found = await inspect_image(self._containers, image)
        if isinstance(found, Unusable):
            raise AuthorProblem(f"{found.problem}\nnext: airlock agents build FOLDER")
        return found.digest

    async def attempt(
        self, manifest: Manifest, action: str, document: bytes, folder: Path, tell: Tell
    ) -> Tried:
        """Ask for an action, once. Raises AuthorProblem for what no host would even start."""
        began = time.monotonic()
        artifacts = _named(manifest, document)
        image = await self.pin(manifest.image)
        exchange = FolderExchange(folder, tell)
        timing = self._containers.timing = Timing()
        spec = SandboxSpec(secrets.token_hex(8), manifest, image)
        owner = Owner(install=self._install, host=HOST, boot=_BOOT, sandbox=spec.sandbox)
        ready_ms: float | None = None
        async with guarded(owner.container_name, owner.labels):
            opened = time.monotonic()
            try:
                sandbox = await self._sandboxes.open(spec)
            except OpenFailed as failed:
                if said := failed.outcome.stderr_tail:  # nobody heard it: it ended before it was asked
                    tell({"event": "stderr", "text": said if said.endswith("\n") else said + "\n"})
                return self._tried(image, failed.outcome, timing, ready_ms, began)
            try:
                open_ms = (time.monotonic() - opened) * 1000
                if manifest.protocol is Protocol.AIRLOCK_1:
                    ready_ms = max(0.0, open_ms - timing.create_ms - timing.attach_ms - timing.start_ms)
                tell({"event": "started", "sandbox": spec.sandbox, "image": image})
                request = _request(manifest, action, document, artifacts)
                outcome = await self._invoke(sandbox, request, exchange, tell)
            finally:
                await sandbox.close()
        return self._tried(image, outcome, timing, ready_ms, began)

    async def _invoke(
        self, sandbox: Sandbox, request: SandboxRequest, exchange: FolderExchange, tell: Tell
    ) -> Outcome:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may come in two pieces

        def hear(data: bytes) -> None:
            tell({"event": "stderr", "text": decoder.decode(data)})

        try:
            outcome = await sandbox.invoke(request, exchange, exchange, on_stderr=hear)
            await sandbox.hear_out()  # what it printed last may come behind its answer
            return outcome
        except (NoSuchArtifact, TooLarge) as error:
            raise AuthorProblem(str(error)) from error

    def _tried(
        self, image: str, outcome: Outcome, timing: Timing, ready_ms: float | None, began: float
    ) -> Tried:
        usage: Usage = outcome.usage
        times = {
            "create_ms": timing.create_ms + timing.attach_ms,
            "start_ms": timing.start_ms,
            "ready_ms": ready_ms,
            "run_ms": usage.run_ms,
            "total_ms": (time.monotonic() - began) * 1000,
            "cpu_ms": usage.cpu_ms,
        }
        return Tried(image, outcome, times, usage.peak_memory_bytes)


def _named(manifest: Manifest, document: bytes) -> tuple[InputArtifact, ...]:
    try:
        return input_artifacts(manifest, document)
    except BrokenInput as error:
        raise AuthorProblem(str(error)) from error


def _request(
    manifest: Manifest, action: str, document: bytes, artifacts: tuple[InputArtifact, ...]
) -> SandboxRequest:
    seconds = float(manifest.limits.timeout_seconds)
    return SandboxRequest(
        attempt=AttemptId(run=str(uuid.uuid4()), node="try", number=1),
        action=action,
        input=document,
        timeout_seconds=seconds,
        deadline=datetime.now(UTC) + timedelta(seconds=seconds),
        takes_spans=True,
        artifacts=artifacts,
    )


def as_document(tried: Tried, output: Path) -> dict[str, Any]:
    """How it ended, as JSON; what it printed goes into a file. Blocks."""
    outcome = tried.outcome
    failed = isinstance(outcome, Failed)
    output.write_bytes(outcome.raw_output if isinstance(outcome, Failed) else outcome.output)
    return {
        "image": tried.image_id,
        "status": "FAILED" if failed else "SUCCESS",
        "failure": json.loads(outcome.failure.model_dump_json()) if isinstance(outcome, Failed) else None,
        "artifacts": [json.loads(ref.model_dump_json()) for ref in outcome.artifacts],
        "stderr_tail": outcome.stderr_tail,
        "timing": dict(tried.timing),
        "peak_memory_bytes": tried.peak_memory_bytes,
    }
