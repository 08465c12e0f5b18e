"""The agent `notifier`: its one action, notify."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from airlock_sdk import Agent, Context
from airlock_sdk.printable import one_line

from .block import MAX_TITLE, Block, Notification, render
from .severities import FORMS, is_below

MAX_LEFT_OUT = 100

agent = Agent()


class NotifyInputs(Notification, total=False):
    """The input of notify; its schema stands in agent.yaml."""

    channel: str
    min_severity: str
    values: dict[str, Any]
    messages: list[Notification]


@agent.action("notify")
def notify(inputs: NotifyInputs, ctx: Context) -> dict[str, Any]:
    """Write the notifications to the attempt's log, the loudest first, and answer them as written."""
    floor = inputs.get("min_severity")
    asked = [inputs, *inputs.get("messages", [])] if "title" in inputs else inputs.get("messages", [])
    ordered = sorted(asked, key=lambda one: -FORMS[_severity(one)].rank)
    told: list[dict[str, Any]] = []
    blocks: list[Block] = []
    for one in ordered:
        below = is_below(_severity(one), floor)
        if not below:
            blocks.append(render(one, inputs.get("values", {})))
        told.append(_told(one, floor if below else None))
    # Every text is made before the first is written: a template that fails leaves no half of the news behind.
    for made in blocks:
        more = {"severity": made.severity, "idempotency_key": ctx.idempotency_key}
        ctx.log(FORMS[made.severity].level, made.text, channel="console", **more)
    if not blocks:
        ctx.log("debug", "notify.suppressed", floor=floor, messages=len(told))
    return {
        "delivered": bool(blocks),
        "channel": "console",
        "text": "\n".join(made.text for made in blocks),
        "messages": told,
        "left_out": [asdict(left) for made in blocks for left in made.left_out][:MAX_LEFT_OUT],
    }


def _told(one: Notification, floor: str | None) -> dict[str, Any]:
    """Say what became of a notification; `floor` is what it was below, if it was."""
    severity = _severity(one)
    return {
        "title": one_line(one["title"], MAX_TITLE),
        "severity": severity,
        "delivered": floor is None,
        "reason": None if floor is None else f"{severity} is below the floor {floor}",
    }


def _severity(one: Notification) -> str:
    return one.get("severity", "INFO")


if __name__ == "__main__":
    agent.run()
