"""The runs that are traced: their workflows, and what is known of them afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airlock_contracts.views import RunView
from otlp_spans import Seen, tree

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNKEPT = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
SECRET_TEXT = "what-only-the-payload-may-hold"


def node(id_: str, how: str, *after: str, **more: Any) -> dict[str, Any]:
    """A node of the one agent there is; `how` tells the host what to do."""
    inputs = {"text": how, "more": "{{ context }}"}
    return {"id": id_, "agent": "echo", "action": "say", "depends_on": after, "inputs": inputs} | more


WORKFLOWS = {
    "whole": [
        node("first", "echo"),
        node("side", "echo", "first"),
        node("broken", "break", "first"),
        node("after", "echo", "broken"),
        node("gate", "echo", "first", approval={"expires_in": "1h"}),
        node("flaky", "flaky", "gate", retry={"max_attempts": 2, "base_delay": "100ms"}),
    ],
    "lost": [node("quiet", "silent")],
    "cancelled": [
        node("held", "hold"),
        node("asked", "echo", approval={"expires_in": "1h"}),
        node("later", "echo", "held"),
    ],
    "refused": [node("asked", "echo", approval={"expires_in": "1h"})],
    "unkept": [node("first", "echo")],
}


@dataclass(frozen=True)
class Traced:
    """What was run, and every span of it."""

    runs: dict[str, RunView]
    spans: list[Seen]
    bodies: list[bytes]
    gone: str
    """How the replica that took the triggers, and then ended, calls itself at its end."""

    def trace(self, name: str) -> list[Seen]:
        """The spans of a run's trace."""
        return [one for one in self.spans if one.trace == self.runs[name].trace_id]

    def tree(self, name: str) -> str:
        """A run's trace as a text."""
        return tree(self.trace(name))

    def one(self, name: str, span: str) -> Seen:
        """The one span of that name in a run's trace."""
        (found,) = [one for one in self.trace(name) if one.name == span]
        return found
