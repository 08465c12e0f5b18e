"""The agent `notifier`: its one action, notify."""

from __future__ import annotations

from typing import Any, TypedDict

from airlock_sdk import Agent, Context

from .block import render

agent = Agent()


class NotifyInputs(TypedDict, total=False):
    """The input of notify; its schema stands in agent.yaml."""

    channel: str
    title: str
    message: str
    severity: str
    facts: dict[str, Any]


@agent.action("notify")
def notify(inputs: NotifyInputs, ctx: Context) -> dict[str, Any]:
    """Write the notification to the attempt's log, and answer the text as it was written."""
    severity = inputs.get("severity", "INFO")
    text = render(inputs["title"], inputs["message"], severity, inputs.get("facts", {}))
    ctx.log("info", text, channel="console", severity=severity, idempotency_key=ctx.idempotency_key)
    return {"delivered": True, "channel": "console", "text": text}


if __name__ == "__main__":
    agent.run()
