"""How an attempt in a sandbox ended, and the pure verdict on a container's end."""

from dataclasses import dataclass, field
from typing import Any

from airlock_contracts import failures
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import MAX_EVIDENCE_BYTES, Usage

from .cgroup import Counted

_SIGKILLED = 137
"""128 + SIGKILL, as the sandbox's init passes it on."""
_NEARLY = 0.9
"""Of the memory limit. Engines miss some kills for memory, and the last look came a moment before."""
_NOT_EXECUTED = (126, 127)
_INIT_SAYS = "[FATAL tini"
"""The sandbox's init could not execute the agent's command at all."""


@dataclass(frozen=True)
class Success:
    """The agent answered. Whether its answer is what it promised is judged elsewhere."""

    output: bytes
    artifacts: tuple[ArtifactRef, ...] = ()
    stderr_tail: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Failed:
    """The attempt failed; what it printed is kept, bounded."""

    failure: Failure
    raw_output: bytes = b""
    artifacts: tuple[ArtifactRef, ...] = ()
    stderr_tail: str = ""
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        if len(self.raw_output) > MAX_EVIDENCE_BYTES:
            raise ValueError("evidence is bounded")


Outcome = Success | Failed


@dataclass(frozen=True)
class Ended:
    """How a container ended, as the engine says."""

    exit_code: int
    oom_killed: bool

    @property
    def unexplained(self) -> bool:
        """Whether somebody killed it and the engine does not know why."""
        return self.exit_code == _SIGKILLED and not self.oom_killed


def verdict(ended: Ended, seen: Counted, *, memory_mb: int, stderr_tail: str = "") -> Failure | None:
    """Say why the end of a container that we did not kill is a failure; None for a clean end. Pure.

    `seen` is what the kernel was seen to count: a kill for memory counts, however the agent ended.
    """
    if ended.oom_killed or seen.killed:
        return killed_for_memory(seen, memory_mb=memory_mb)
    if ended.exit_code == 0:
        return None
    if ended.unexplained and _is_full(seen, memory_mb):
        return sandbox_failure(
            failures.MEMORY_EXCEEDED,
            "the container was killed, and the engine did not say why: likely for its memory, as it used "
            f"nearly all of its {memory_mb} MiB (limits.memory_mb) when it was last seen",
            retryable=True,
            memory_mb=memory_mb,
        )
    if ended.unexplained:
        # Not by us and not for its memory: the engine was stopped, or someone killed it. An exit code after
        # a daemon's restart says nothing about the agent.
        return sandbox_failure(
            failures.SANDBOX_LOST,
            "the container was killed from outside, or killed itself (SIGKILL)",
            retryable=True,
            exit_code=ended.exit_code,
        )
    if ended.exit_code in _NOT_EXECUTED and stderr_tail.startswith(_INIT_SAYS):
        return sandbox_failure(failures.START_FAILED, stderr_tail.splitlines()[0], exit_code=ended.exit_code)
    return sandbox_failure(
        failures.EXIT_NONZERO,
        f"the agent's process ended with exit code {ended.exit_code}",
        retryable=True,
        exit_code=ended.exit_code,
    )


def _is_full(seen: Counted, memory_mb: int) -> bool:
    return seen.memory_bytes is not None and seen.memory_bytes >= _NEARLY * memory_mb * 1024 * 1024


def killed_for_memory(seen: Counted, *, memory_mb: int) -> Failure:
    """A process of the agent was killed for memory, whatever the agent made of that. Pure.

    The kernel counts the kills of a machine that runs short with the others, and sandboxes are its first
    victims. Where only the engine tells of a kill, nobody knows better than that it was for the own limit.
    """
    if seen.killed and not seen.exceeded:
        return sandbox_failure(
            failures.SANDBOX_LOST,
            "a process of the agent was killed because its host's machine ran short of memory: the agent's "
            f"own {memory_mb} MiB (limits.memory_mb) were not used up",
            retryable=True,
        )
    return sandbox_failure(
        failures.MEMORY_EXCEEDED,
        f"a process of the agent was killed for using more than {memory_mb} MiB (limits.memory_mb)",
        memory_mb=memory_mb,
    )


def start_failed(message: str, *, retryable: bool) -> Failure:
    """There is no sandbox, or none that an agent could be asked in."""
    return sandbox_failure(failures.START_FAILED, message, retryable=retryable)


def timeout_exceeded(seconds: float) -> Failure:
    """The agent gave no answer in its time."""
    return Failure(
        kind=FailureKind.TIMEOUT,
        code=failures.TIMEOUT_EXCEEDED,
        message=f"no answer within {seconds:g} s",
        retryable=True,
        details={"timeout_seconds": seconds},
    )


def output_too_large(limit_kb: int) -> Failure:
    """The output is larger than the manifest allows."""
    return Failure(
        kind=FailureKind.CONTRACT,
        code=failures.OUTPUT_TOO_LARGE,
        message=f"the output is larger than {limit_kb} KiB (limits.output_kb)",
        details={"output_kb": limit_kb},
    )


def printed_nothing() -> Failure:
    """The agent ended well and said nothing."""
    return Failure(
        kind=FailureKind.CONTRACT,
        code=failures.OUTPUT_INVALID_JSON,
        message="the agent ended with exit code 0 and printed nothing",
        retryable=True,
    )


def protocol_broken(message: str) -> Failure:
    """The agent does not speak airlock/1."""
    return Failure(kind=FailureKind.AGENT, code=failures.AGENT_PROTOCOL, message=message[:4000])


def sandbox_failure(code: str, message: str, *, retryable: bool = False, **details: Any) -> Failure:
    """A failure of the sandbox itself."""
    return Failure(
        kind=FailureKind.SANDBOX, code=code, message=message[:4000], retryable=retryable, details=details
    )
