"""Sandboxes with locks taken off, as no product code takes them off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from airlock_agents.sandbox.policy import ContainerPolicy
from airlock_contracts.manifest import Manifest

PROBE = Path(__file__).parents[3] / "services" / "agents" / "airlock_agents" / "builtin" / "probe"
MANIFEST = Manifest.model_validate(yaml.safe_load((PROBE / "agent.yaml").read_text()))
SECONDS = 60.0

Weaken = Callable[[dict[str, Any]], None]
Look = Callable[..., Awaitable[dict[str, Any]]]
"""Asks the probe for an action, `look` unless another is named, in a sandbox that was weakened."""


@dataclass(frozen=True)
class WeakenedPolicy(ContainerPolicy):
    """A sandbox's configuration, changed before the engine is told."""

    weaken: Weaken = lambda body: None

    def to_api(self) -> dict[str, Any]:
        body = super().to_api()
        self.weaken(body)
        return body


def host_config(**changes: Any) -> Weaken:
    """Change what the engine is told; None takes a line away."""

    def weaken(body: dict[str, Any]) -> None:
        for name, value in changes.items():
            body["HostConfig"][name] = value
            if value is None:
                del body["HostConfig"][name]

    return weaken


def as_root(**changes: Any) -> Weaken:
    """The same, for a container of root's."""

    def weaken(body: dict[str, Any]) -> None:
        body["User"] = "0:0"
        host_config(**changes)(body)

    return weaken
