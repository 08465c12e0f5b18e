"""One sandbox: one container, once, gone afterwards whatever happens.

Created, attached, started; for airlock/1 also `ready`: all that needs no invocation, so that a sandbox can be
opened before there is one. Then one invocation. Then it is removed, also when the task is cancelled anywhere.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from airlock_contracts import failures
from airlock_contracts.failures import Failure
from airlock_contracts.messages import Usage
from airlock_contracts.statuses import Protocol

from . import outcome, stdio
from .airlock1 import Conversation, NoAnswer
from .attach import Channel, EngineGone
from .counts import Counts
from .docker import Containers, EngineFailed, ImageMissing, StartRefused
from .frames import BrokenFrame
from .outcome import Ended, Failed, Outcome, Success, start_failed
from .policy import ContainerPolicy
from .ports import ArtifactSource, SandboxRequest, SandboxSpec, Sink

OPEN_SECONDS = 60.0
"""From create to ready. Usually 0.3 s; a machine with all slots starting at once needs a multiple."""
CLEANUP_SECONDS = 20.0
"""For removing a container; what is not gone by then is the janitor's."""
LAST_WORDS_SECONDS = 0.1
"""For what an agent printed just before its answer; one that has answered ends in less."""
_FIRST_LOOK_SECONDS = 0.01
_LAST_LOOK_SECONDS = 0.5

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class OpenFailed(Exception):
    """No sandbox came of it; why stands in `outcome`."""

    def __init__(self, outcome: Failed) -> None:
        super().__init__(outcome.failure.message)
        self.outcome = outcome


class Sandbox:
    """One container, made by `Sandboxes`: opened once, good for one invocation, gone once it is closed."""

    def __init__(
        self,
        containers: Containers,
        spec: SandboxSpec,
        policy: ContainerPolicy,
        live: set[str],
        *,
        look_seconds: float,
        on_closed: Callable[[Usage], None],
    ) -> None:
        self.spec = spec
        self._containers = containers
        self._policy = policy
        self._live = live
        self._began = time.monotonic()
        self._creating: asyncio.Task[str] | None = None
        self._container = ""
        self._channel: Channel | None = None
        self._conversation: Conversation | None = None
        self._counts = Counts(
            lambda: containers.counted(self._container), every_seconds=look_seconds, on_ended=self._take_rest
        )
        self._on_closed = on_closed
        self._start_ms: float | None = None
        self._run_ms: float | None = None
        self._asked = False
        self._closed = False

    @property
    def usage(self) -> Usage:
        """What it took until now, or until it was closed; its counts as they were seen last."""
        counted = self._counts.last
        return Usage(
            start_ms=self._start_ms,
            run_ms=self._run_ms,
            cpu_ms=counted.cpu_ms,
            peak_memory_bytes=counted.peak_memory_bytes,
        )

    def look(self) -> Usage:
        """Look once more, and tell what it took until now."""
        self._counts.look()
        return self.usage

    async def open(self) -> None:
        """Start it. Raises OpenFailed; nothing is left of it then."""
        try:
            async with asyncio.timeout(OPEN_SECONDS) as scope:
                await self._start()
        except BaseException as error:
            try:
                failure = await _finish(self._why_not_open(error))
            finally:
                await self.close()
            if isinstance(error, TimeoutError) and scope.expired():
                failure = start_failed(f"not ready within {OPEN_SECONDS:g} s", retryable=True)
            if failure is None:
                raise
            raise OpenFailed(self._failed(self._unless_killed(failure))) from error

    async def invoke(
        self,
        request: SandboxRequest,
        source: ArtifactSource,
        sink: Sink,
        *,
        on_stderr: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        """Ask the agent, once, and wait for its answer. Raises only what source and sink raise.

        `on_stderr` gets what the agent has printed so far, and then what it prints, as it comes.
        """
        if self._asked:
            raise RuntimeError("a sandbox is good for one invocation")
        self._asked = True
        if on_stderr is not None:
            self._attached().hear_stderr(on_stderr)
        limits = self.spec.manifest.limits
        seconds = min(request.timeout_seconds, float(limits.timeout_seconds))
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds) as scope:
                answer = await self._answer(request, source, sink)
        except TimeoutError:
            if not scope.expired():
                raise
            answer = await self._after_kernel_kills(outcome.timeout_exceeded(seconds))
        except (EngineFailed, EngineGone, StartRefused) as error:
            # The container vanished or its engine did: what became of it, nobody can say.
            answer = outcome.sandbox_failure(
                failures.SANDBOX_LOST, f"the engine lost the container: {error}", retryable=True
            )
        except stdio.InputCannotEnd as error:
            answer = start_failed(str(error), retryable=False)
        finally:
            self._run_ms = (time.monotonic() - began) * 1000
        answer = self._unless_killed(answer)
        if isinstance(answer, Failure):
            await self.hear_out()  # its reason often stands on stderr
            return self._failed(answer)
        channel = self._attached()
        return Success(
            output=answer,
            artifacts=tuple(self._conversation.artifacts) if self._conversation else (),
            stderr_tail=channel.stderr.text(),
            usage=self.usage,
        )

    async def hear_out(self) -> None:
        """Hear what an agent has printed behind its answer: its streams are two, and come as they like."""
        if self._channel is not None and not self._closed:
            await self._channel.hear_out(LAST_WORDS_SECONDS)

    async def close(self) -> None:
        """Kill and remove the container; finishes also when cancelled. May be called again."""
        if not self._closed:
            self._closed = True
            await _finish(self._discard())

    async def _start(self) -> None:
        # A create that was cancelled may still have made a container: `_discard` waits for this task.
        self._creating = asyncio.create_task(self._containers.create(self._policy))
        self._container = await asyncio.shield(self._creating)
        try:
            self._channel = await self._containers.attach(self._container)
            self._counts.watch()  # it may live and be gone again before the engine says that it has started
            await self._containers.start(self._container)
            if self.spec.manifest.protocol is Protocol.AIRLOCK_1:
                self._conversation = Conversation(self._channel)
                await self._conversation.ready()
        finally:
            self._start_ms = (time.monotonic() - self._began) * 1000

    async def _why_not_open(self, error: BaseException) -> Failure | None:
        match error:
            case ImageMissing():
                return outcome.sandbox_failure(failures.IMAGE_MISSING, str(error), retryable=True)
            case StartRefused():
                return start_failed(str(error), retryable=False)
            case EngineFailed() | EngineGone():
                return start_failed(str(error), retryable=True)
            case BrokenFrame():
                return outcome.protocol_broken(str(error))
            case NoAnswer():
                try:
                    async with asyncio.timeout(CLEANUP_SECONDS):
                        return await self._ended_without_answer()
                except (TimeoutError, EngineFailed, StartRefused) as lost:
                    return start_failed(f"it ended before it was ready: {lost}", retryable=True)
            case _:
                return None

    async def _answer(self, request: SandboxRequest, source: ArtifactSource, sink: Sink) -> bytes | Failure:
        limits = self.spec.manifest.limits
        if self._conversation is None:
            try:
                output = await stdio.converse(
                    self._attached(), request.input, limit_bytes=limits.output_kb * 1024
                )
            except stdio.OutputTooLarge:
                return await self._after_kernel_kills(outcome.output_too_large(limits.output_kb))
            return await self._verdict() or output or outcome.printed_nothing()
        try:
            answer = await self._conversation.ask(request, source, sink, output_kb=limits.output_kb)
        except BrokenFrame as error:
            return await self._after_kernel_kills(outcome.protocol_broken(str(error)))
        except NoAnswer:
            return await self._ended_without_answer()
        return await self._after_kernel_kills(answer)

    def _unless_killed(self, answer: _T | Failure) -> _T | Failure:
        """The answer, unless a process was killed for memory: then nobody knows what it is worth."""
        return self._killed() if self._counts.last.killed else answer

    async def _after_kernel_kills(self, answer: bytes | Failure) -> bytes | Failure:
        """The answer of an agent that may still run, unless a process of it was killed for memory."""
        counted = self._counts.look()
        if counted is not None and counted.oom_kills is not None:
            return self._unless_killed(answer)
        # The cgroup is not visible here: the engine knows, once the container has ended.
        try:
            async with asyncio.timeout(CLEANUP_SECONDS):
                await self._containers.kill(self._container)
                killed = (await self._end()).oom_killed
        except (TimeoutError, EngineFailed, StartRefused) as error:
            _log.warning("sandbox.end_unknown", sandbox=self.spec.sandbox, error=str(error))
            killed = False
        return self._killed() if killed else answer

    def _killed(self) -> Failure:
        return outcome.killed_for_memory(self._counts.last, memory_mb=self._memory_mb)

    async def _ended_without_answer(self) -> Failure:
        failure = await self._verdict()
        return failure or outcome.protocol_broken("the agent ended with exit code 0 and gave no result")

    async def _end(self) -> Ended:
        self._counts.look()  # its cgroup outlives it by some milliseconds, and knows who killed it
        pause = _FIRST_LOOK_SECONDS
        while (ended := await self._containers.look(self._container)) is None:
            # Its streams are closed and it goes on: rare, and bounded by the caller's time limit.
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK_SECONDS)
        return ended

    async def _verdict(self) -> Failure | None:
        """Why the end of one that we did not kill is a failure; None for a clean end."""
        ended = await self._end()
        if ended.unexplained and not self._counts.last.killed:
            ended = replace(ended, oom_killed=await self._killed_after_all())
        tail = self._attached().stderr.text()
        return outcome.verdict(ended, self._counts.last, memory_mb=self._memory_mb, stderr_tail=tail)

    async def _killed_after_all(self) -> bool:
        try:
            return await self._containers.killed_for_memory(self._container)
        except (EngineFailed, StartRefused) as error:
            _log.warning("sandbox.end_unknown", sandbox=self.spec.sandbox, error=str(error))
            return False

    def _take_rest(self) -> None:
        if self._channel is not None and not self._closed:
            self._channel.take_rest()

    @property
    def _memory_mb(self) -> int:
        return self._policy.memory_bytes // (1024 * 1024)

    def _attached(self) -> Channel:
        if self._channel is None:
            raise RuntimeError("the sandbox was not opened")
        return self._channel

    def _failed(self, failure: Failure) -> Failed:
        return Failed(
            failure=failure,
            raw_output=self._channel.first_output if self._channel else b"",
            artifacts=tuple(self._conversation.artifacts) if self._conversation else (),
            stderr_tail=self._channel.stderr.text() if self._channel else "",
            usage=self.usage,
        )

    async def _discard(self) -> None:
        try:
            async with asyncio.timeout(CLEANUP_SECONDS):
                await self._counts.close()  # of one that is ended from outside nobody will know later
                if self._channel is not None:
                    await self._channel.close()
                if self._creating is not None:
                    await asyncio.wait({self._creating})
                if self._container:
                    await self._containers.remove(self._container)
                else:
                    await self._containers.remove_named(self._policy.owner)
        except (EngineFailed, StartRefused, TimeoutError) as error:
            _log.warning("sandbox.left_to_janitor", sandbox=self.spec.sandbox, error=str(error))
        finally:
            self._live.discard(self.spec.sandbox)
            self._on_closed(self.usage)


async def _finish(work: Coroutine[Any, Any, _T]) -> _T:
    """Let work finish although we are cancelled, then be cancelled. The work bounds its own time."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()
