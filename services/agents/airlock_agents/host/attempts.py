"""An attempt, from its message to its report: small steps on one record.

What can be handed back comes first (registration, image, memory, input artifacts), then the claim where it
must come first, then the sandbox. Once the claim is granted there is no way back: it ends in a report.
"""

import asyncio
import contextlib
import math
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from airlock_chassis.bus import Later, NoAnswer
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.logs import get_logger
from airlock_chassis.telemetry.metrics import sandbox_slot_wait_seconds, sandbox_start_seconds
from airlock_chassis.telemetry.traces import Span, below, traceparent
from airlock_contracts import failures
from airlock_contracts.messages import Usage

from ..sandbox.docker import Containers, EngineFailed
from ..sandbox.inputs import BrokenInput, input_artifacts
from ..sandbox.outcome import Failed, Outcome
from ..sandbox.policy import HostLimits
from ..sandbox.ports import InputArtifact, SandboxRequest, SandboxSpec
from ..sandbox.sandbox import OpenFailed, Sandbox
from ..sandbox.sandboxes import Sandboxes
from .agent_spans import AgentSpans
from .api import Api, ApiAway, ApiRefused
from .artifact_cache import ArtifactBroken, ArtifactCache
from .attempt import Attempt
from .beside import run_beside
from .capacity import Memory, NoRoom
from .claims import Claims, PayloadMismatch
from .exchange import CannotStore, Exchange
from .images import Images
from .logs import AttemptLog, Logs
from .registrations import RegistrationBroken, Registrations
from .reports import internal_failure, unknown_artifact
from .spans import step, tell_outcome

log = get_logger(__name__)

CLAIM_AFTER_SECONDS = 0.25
"""An agent without effects that answers sooner needs no claim: its report is one."""
CLAIM_OPENING_SECONDS = 2.0
"""A sandbox that takes this long to open is claimed all the same: people should see it run."""
CLAIM_PATIENCE_SECONDS = 60.0
ROOM_SECONDS, API_SECONDS, ENGINE_SECONDS, IMAGE_SECONDS, CLAIM_SECONDS = 0.5, 2.0, 5.0, 10.0, 2.0
"""Delays of what is handed back, by what was missing."""
DISK_SECONDS = 5.0


class Lacking(Later):
    """What it needs before it can start is not here: the same as before, where it was handed back before."""


class CannotStart(Exception):
    """It will never start, here or elsewhere: how it ends instead."""

    def __init__(self, outcome: Failed) -> None:
        super().__init__(outcome.failure.message)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Parts:
    """What an attempt works with."""

    registrations: Registrations
    images: Images
    memory: Memory
    limits: HostLimits
    cache: ArtifactCache
    api: Api
    claims: Claims
    logs: Logs
    containers: Containers
    sandboxes: Sandboxes


class Attempts:
    """Runs attempts up to their outcome. It reports nothing itself."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def outcome(self, attempt: Attempt, held: AsyncExitStack) -> Outcome:
        """Every step up to the outcome. What is `held` meanwhile (memory, artifacts, the sandbox itself) is
        the caller's to let go, also when this is cancelled.

        Raises Later for what another host, or this one later, may do better (Lacking before it could start);
        ClaimRefused for what is not ours.
        """
        try:
            with step(names.SPAN_SANDBOX_WAIT, told=attempt.told), _asking_below(attempt):
                artifacts = await self._have_all(attempt, held)
            async with self._handing_back(attempt, Later):
                if attempt.claims_first:
                    await self._claim(attempt)
                return await self._run(attempt, artifacts, held)
        except CannotStart as cannot:
            log.error("attempt.cannot_start", reason=str(cannot))
            if not attempt.claimed:
                await self.claim_to_report(attempt)
            return with_what_it_took(attempt, cannot.outcome)
        except CannotStore as cannot:
            return with_what_it_took(attempt, cannot.outcome)

    async def _have_all(self, attempt: Attempt, held: AsyncExitStack) -> tuple[InputArtifact, ...]:
        """Have what a sandbox needs before there is one: registration, image, memory, input artifacts."""
        await self._register(attempt)
        async with self._handing_back(attempt, Lacking):
            await self._find_image(attempt)
            held.enter_context(self._parts.memory.reserve(self._memory_mb(attempt)))
            artifacts = self._named_artifacts(attempt)
            await held.enter_async_context(self._parts.cache.pinned([one.ref for one in artifacts]))
            return artifacts

    async def _register(self, attempt: Attempt) -> None:
        """Image, limits and grants come from the registration; the message gives its id and no more."""
        version_id = attempt.invocation.agent_version_id
        try:
            attempt.registration = await self._parts.registrations.get(version_id)
        except ApiAway as error:
            raise Lacking(API_SECONDS, f"no registration: {error}") from error
        except (ApiRefused, RegistrationBroken) as error:
            raise CannotStart(internal_failure(f"agent version {version_id}: {error}")) from error
        if attempt.invocation.action not in attempt.agent.manifest.actions:
            problem = f"{attempt.agent.reference} has no action {attempt.invocation.action}"
            raise CannotStart(internal_failure(problem))

    @asynccontextmanager
    async def _handing_back(self, attempt: Attempt, later: type[Later]) -> AsyncIterator[None]:
        """What this host lacks at the moment is nobody's failure, as long as nothing was claimed."""
        try:
            yield
        except (NoRoom, ApiAway, EngineFailed, OSError) as error:
            if attempt.claimed:
                raise CannotStart(internal_failure(str(error), retryable=True)) from error
            raise later(_delay(error), f"{type(error).__name__}: {error}") from error
        except (ApiRefused, ArtifactBroken) as error:
            raise CannotStart(unknown_artifact(str(error))) from error

    async def _find_image(self, attempt: Attempt) -> None:
        if not self._parts.containers.breaker.closed:
            # Before a claim, which its answer would have to be reported for.
            raise EngineFailed("the Docker Engine does not answer; the host asks it again by itself")
        if not await self._parts.images.has(attempt.agent):
            raise Lacking(IMAGE_SECONDS, f"this host lacks the image of {attempt.agent.reference}")

    def _memory_mb(self, attempt: Attempt) -> int:
        return min(attempt.agent.manifest.limits.memory_mb, self._parts.limits.memory_mb)

    def _named_artifacts(self, attempt: Attempt) -> tuple[InputArtifact, ...]:
        try:
            return input_artifacts(attempt.agent.manifest, attempt.input)
        except BrokenInput as error:
            raise CannotStart(internal_failure(str(error))) from error

    async def claim_to_report(self, attempt: Attempt) -> None:
        """Without a claim, the report of an attempt with effects would not count. Nothing starts any more,
        so it does not matter what exactly was granted. Raises Later, ClaimRefused."""
        try:
            await self._parts.claims.claim(attempt, patience_seconds=CLAIM_PATIENCE_SECONDS)
        except NoAnswer as error:
            raise Later(CLAIM_SECONDS, str(error)) from error
        except PayloadMismatch as error:
            log.warning("payload.unknown", reason=str(error))

    async def _claim(self, attempt: Attempt, patience_seconds: float = CLAIM_PATIENCE_SECONDS) -> None:
        try:
            await self._parts.claims.claim(attempt, patience_seconds=patience_seconds)
        except NoAnswer as error:
            raise Later(CLAIM_SECONDS, str(error)) from error
        except PayloadMismatch as error:
            log.critical("payload.mismatch", reason=str(error), agent_version=attempt.agent.id)
            raise CannotStart(
                internal_failure(f"what was allowed is not what was sent, and was not started: {error}")
            ) from error

    async def _run(
        self, attempt: Attempt, artifacts: tuple[InputArtifact, ...], held: AsyncExitStack
    ) -> Outcome:
        asked = asyncio.Event()
        said = self._parts.logs.of(attempt.invocation.attempt, attempt.token)
        sandbox = self._in_sandbox(attempt, artifacts, held, asked, said)
        try:
            if attempt.claimed:
                return await sandbox
            return await run_beside(sandbox, self._late_claim(attempt, asked))
        finally:
            await said.flush()  # before the report: what may end the run comes behind these lines

    async def _late_claim(self, attempt: Attempt, asked: asyncio.Event) -> None:
        """Claim what takes longer; a refusal, or a grant of something else, ends the sandbox beside it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLAIM_OPENING_SECONDS):
                await asked.wait()
                await asyncio.sleep(CLAIM_AFTER_SECONDS)
        await self._claim(attempt, patience_seconds=math.inf)

    async def _in_sandbox(
        self,
        attempt: Attempt,
        artifacts: tuple[InputArtifact, ...],
        held: AsyncExitStack,
        asked: asyncio.Event,
        said: AttemptLog,
    ) -> Outcome:
        agent = attempt.agent
        spec = SandboxSpec(secrets.token_hex(8), agent.manifest, agent.image_digest)
        queued_ms = (time.monotonic() - attempt.arrived_at) * 1000
        sandbox_slot_wait_seconds.observe(queued_ms / 1000)
        log.debug("attempt.started", action=attempt.invocation.action, sandbox=spec.sandbox)

        def note(usage: Usage) -> None:
            attempt.usage = usage.model_copy(update={"queued_ms": queued_ms})

        try:
            with step(names.SPAN_SANDBOX_START):
                began = time.monotonic()
                sandbox = await self._parts.sandboxes.open(spec, on_closed=note)
                held.push_async_callback(sandbox.close)
                held.push_async_callback(_hear_out, sandbox, said)
                sandbox_start_seconds.labels("cold").observe(time.monotonic() - began)
        except OpenFailed as failed:
            said.stderr(f"{failed.outcome.stderr_tail}\n".encode())
            await self._judge_open_failure(attempt, failed.outcome)
            return with_queued_ms(failed.outcome, queued_ms)
        asked.set()
        with step(names.SPAN_SANDBOX_RUN) as opened:
            request = _request(attempt, artifacts, takes_spans=opened.is_recording())
            async with _agents_own(attempt, opened) as own:
                store = Exchange(self._parts.api, self._parts.cache, request.attempt, said, own)
                try:
                    outcome = await sandbox.invoke(request, store, store, on_stderr=said.stderr)
                finally:
                    note(sandbox.look())  # for a report that its removal need not hold up
            tell_outcome(opened, outcome)
        return with_queued_ms(outcome, queued_ms)

    async def _judge_open_failure(self, attempt: Attempt, outcome: Failed) -> None:
        """A host without the image, or without an engine, hands back what it has not claimed."""
        if outcome.failure.code == failures.IMAGE_MISSING:
            self._parts.images.note_missing(attempt.agent)
            if not attempt.claimed:
                raise Later(IMAGE_SECONDS, outcome.failure.message)
        elif not attempt.claimed and outcome.failure.retryable:
            # Raises EngineFailed, which hands it back, when it is the engine that is away.
            await self._parts.containers.image(attempt.agent.image_digest)


def with_what_it_took(attempt: Attempt, outcome: Failed) -> Failed:
    """An outcome that no sandbox told, with what one took if there was one."""
    return replace(outcome, usage=attempt.usage)


def _asking_below(attempt: Attempt) -> AbstractContextManager[None]:
    """What is asked of others meanwhile must not hang below a span that may be dropped."""
    return below(attempt.traceparent) if attempt.told else nullcontext()


async def _hear_out(sandbox: Sandbox, said: AttemptLog) -> None:
    """While the report is under way already: an agent's last words need not hold it up."""
    await sandbox.hear_out()
    await said.finish()


@asynccontextmanager
async def _agents_own(attempt: Attempt, opened: Span) -> AsyncIterator[AgentSpans]:
    """The spans that the agent tells meanwhile, recorded below the one that is open, however it ends."""
    own = AgentSpans(attempt, above=traceparent(), began=datetime.now(UTC))
    try:
        yield own
    finally:
        if own.told:  # in a thread: as many as may be take tens of milliseconds
            await asyncio.to_thread(own.record, datetime.now(UTC))
        if own.dropped:
            opened.set_attribute(names.ATTR_SPANS_DROPPED, own.dropped)
            log.warning("agent.spans_dropped", spans=own.dropped)


def _request(attempt: Attempt, artifacts: tuple[InputArtifact, ...], *, takes_spans: bool) -> SandboxRequest:
    invocation = attempt.invocation
    seconds = min(invocation.timeout_seconds, float(attempt.agent.manifest.limits.timeout_seconds))
    # For the agent to plan by, on the clock that it shares with this host; the time limit holds by itself.
    ends_at = datetime.now(UTC) + timedelta(seconds=seconds)
    return SandboxRequest(
        attempt=invocation.attempt,
        action=invocation.action,
        input=attempt.input,
        timeout_seconds=seconds,
        deadline=min(ends_at, invocation.deadline or ends_at),
        traceparent=traceparent() or attempt.traceparent,
        takes_spans=takes_spans,
        artifacts=artifacts,
    )


def with_queued_ms(outcome: Outcome, queued_ms: float) -> Outcome:
    """The outcome, with the time that its attempt waited on this host."""
    return replace(outcome, usage=outcome.usage.model_copy(update={"queued_ms": queued_ms}))


def _delay(error: Exception) -> float:
    match error:
        case NoRoom():
            return ROOM_SECONDS
        case EngineFailed():
            return ENGINE_SECONDS
        case ApiAway():
            return API_SECONDS
        case _:
            return DISK_SECONDS
