"""What to do about a failure, in a sentence for each code that Airlock gives."""

from collections.abc import Mapping
from typing import Final

from airlock_contracts import failures
from airlock_contracts.failures import Failure

ADVICE: Final[Mapping[str, str]] = {
    failures.TEMPLATE_FAILED: "Mend the template in the workflow; look at what the nodes before it put out.",
    failures.INPUT_SCHEMA_MISMATCH: "Compare the input with what the agent takes, and mend the workflow.",
    failures.INPUT_TOO_LARGE: "Pass large things as artifacts.",
    failures.INPUT_UNKNOWN_ARTIFACT: "Put the artifact that the input names, then retry the run.",
    failures.OUTPUT_INVALID_JSON: "The agent's author must mend what it prints; the run shows it.",
    failures.OUTPUT_SCHEMA_MISMATCH: "The agent's author must mend what it prints, or its output schema.",
    failures.OUTPUT_TOO_LARGE: "Raise limits.output_kb in the manifest, or put large things as artifacts.",
    failures.OUTPUT_UNKNOWN_ARTIFACT: "The agent may name artifacts of its input, and those it put itself.",
    failures.IMAGE_MISSING: "Pull that very image on its pool's hosts, or load it if it was built; retry.",
    failures.MEMORY_EXCEEDED: "Register a version with more limits.memory_mb; scratch counts too.",
    failures.EXIT_NONZERO: "Read the end of its stderr; the agent's program ended by itself.",
    failures.START_FAILED: "Look at the host's log and its Docker Engine, then retry the run.",
    failures.OUTCOME_UNKNOWN: "Find out whether the effect happened, then retry the run or leave it.",
    failures.SANDBOX_LOST: "See which hosts are gone and why their containers ended, then retry the run.",
    failures.AGENT_ERROR: "The agent says why; mend its input or the agent, then start a new run.",
    failures.AGENT_PROTOCOL: "The agent's author must mend how it speaks; its stderr may say more.",
    failures.TIMEOUT_EXCEEDED: "Register a version with more time, or raise the node's timeout.",
    failures.APPROVAL_REJECTED: "Read the decision's notes; a retry asks again.",
    failures.APPROVAL_EXPIRED: "Retry the run: its gate asks again; raise expires_in if people need longer.",
    failures.CANCELLED: "Retry the run: it copies what succeeded.",
    failures.INTERNAL: "Read the log under the run's id, and report the bug.",
}
TO_MEND: Final = frozenset(
    {
        failures.TEMPLATE_FAILED,
        failures.INPUT_SCHEMA_MISMATCH,
        failures.INPUT_TOO_LARGE,
        failures.OUTPUT_INVALID_JSON,
        failures.OUTPUT_SCHEMA_MISMATCH,
        failures.OUTPUT_TOO_LARGE,
        failures.OUTPUT_UNKNOWN_ARTIFACT,
        failures.MEMORY_EXCEEDED,
        failures.AGENT_ERROR,
        failures.AGENT_PROTOCOL,
        failures.TIMEOUT_EXCEEDED,
    }
)
"""What is cured by another version of the workflow or the agent, or by another context: by no retry."""
_ANY: Final = "The agent gave this code of its own; its message and the end of its stderr say more."
_LIKELY_MEMORY: Final = "Retry the run; if it comes again, register a version with more limits.memory_mb."


def todo_for(failure: Failure) -> str:
    """What to do about a failure."""
    return _LIKELY_MEMORY if _is_a_guess(failure) else ADVICE.get(failure.code, _ANY)


def is_to_mend(failure: Failure) -> bool:
    """Whether no retry cures it."""
    return failure.code in TO_MEND and not _is_a_guess(failure)


def _is_a_guess(failure: Failure) -> bool:
    """Nobody counted a kill for memory: the host only says that it is likely."""
    return failure.code == failures.MEMORY_EXCEEDED and failure.retryable
