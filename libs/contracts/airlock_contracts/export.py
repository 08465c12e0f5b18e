"""Writes the contracts as JSON Schemas: `python -m airlock_contracts.export FOLDER`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from . import events, failures, logs, manifest, messages, problems, views, workflow

EXPORTED: Final[Mapping[str, type[BaseModel]]] = {
    "agent-log": logs.AgentLog,
    "agent-manifest": manifest.Manifest,
    "agent-version": manifest.AgentVersion,
    "approval": views.ApprovalView,
    "bell": messages.Bell,
    "cancel-broadcast": messages.CancelBroadcast,
    "claim-reply": messages.ClaimReply,
    "claim-request": messages.ClaimRequest,
    "dead-letter": messages.DeadLetter,
    "decision": views.DecisionRequest,
    "event": events.Event,
    "failure": failures.Failure,
    "heartbeat-reply": messages.HeartbeatReply,
    "heartbeat-request": messages.HeartbeatRequest,
    "image-reply": messages.ImageReply,
    "image-request": messages.ImageRequest,
    "invocation": messages.Invocation,
    "log-line": logs.LogView,
    "problem": problems.Problem,
    "report": messages.Report,
    "run": views.RunView,
    "workflow": workflow.WorkflowSpec,
}
"""What is published, by file name."""


def render(name: str) -> str:
    """One contract as JSON Schema 2020-12, as it stands in its file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **EXPORTED[name].model_json_schema(mode="validation"),
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write every contract to `FOLDER/<name>.schema.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in EXPORTED:
        (folder / f"{name}.schema.json").write_text(render(name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
