"""What `make observe` gives an install to do: small runs that succeed, fail, try again and wait."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airlock_contracts.statuses import RunStatus

SAMPLE = Path(__file__).parents[1] / "examples" / "storefront"
"""The repository that the main job reviews."""

_CODE = """
import time
from airlock_sdk import Agent, Failure
agent = Agent()

@agent.action("work")
def work(inputs, context):
    context.log("info", "working")
    with context.span("think"):
        time.sleep(0.1)
    return {"done": True}

@agent.action("fail")
def fail(inputs, context):
    context.log("warning", "this will not end well")
    raise Failure("agent.broken", "as it was told to")

@agent.action("stumble")
def stumble(inputs, context):
    if context.attempt.endswith("/1"):
        raise Failure("agent.busy", "not at the first try", retryable=True)
    return {"done": True}

agent.run()
"""

_OBJECT = {"type": "object"}
MANIFEST: dict[str, Any] = {
    "name": "observed",
    "version": "1.0.0",
    "type": "SCRIPT",
    "image": "airlock-base",
    "command": ["python3", "-c", _CODE],
    "protocol": "airlock/1",
    "limits": {"memory_mb": 64, "timeout_seconds": 60},
    "actions": {
        name: {"input_schema": _OBJECT, "output_schema": _OBJECT} for name in ("work", "fail", "stumble")
    },
}


def _node(action: str, **more: Any) -> dict[str, Any]:
    return {"id": action, "agent": "observed", "action": action, **more}


DOCUMENTS: tuple[dict[str, Any], ...] = (
    {"name": "observed-good", "tags": ["observed"], "nodes": [_node("work")]},
    {"name": "observed-bad", "tags": ["observed"], "nodes": [_node("fail")]},
    {
        "name": "observed-again",
        "nodes": [_node("stumble", retry={"max_attempts": 2, "base_delay": "1s"})],
    },
    {"name": "observed-gate", "nodes": [_node("work", approval={"preview": "It works for a moment."})]},
)
RUNS = ("observed-good",) * 4 + ("observed-bad",) * 2 + ("observed-again",) * 2 + ("observed-gate",)
"""The small runs of one turn."""
BAD = "observed-bad"
WAITS = "approval-only"
MAIN_JOB = "security-review"
TELLS = "alert-notification"
PLAN: Mapping[str, RunStatus] = dict.fromkeys((*RUNS, MAIN_JOB, TELLS), RunStatus.SUCCESS) | {
    BAD: RunStatus.FAILED,
    WAITS: RunStatus.WAITING_APPROVAL,
}
"""How every run of a workflow is to end, or to be left."""
