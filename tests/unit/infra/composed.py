"""infra/compose.yaml as data, and its variables as text."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "infra" / "compose.yaml"
TEXT = FILE.read_text()
STACK: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
OURS = ("migrate", "orchestration", "agent-host", "orchestration-dev", "agent-host-dev")
_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")


def of_profile(profile: str) -> dict[str, dict[str, Any]]:
    """The services that a profile starts."""
    return {name: service for name, service in SERVICES.items() if profile in service["profiles"]}


def defaults() -> dict[str, set[str]]:
    """Each variable that stands in the file, and the defaults that it is given there."""
    found: dict[str, set[str]] = {}
    for name, default in _VARIABLE.findall(TEXT):
        found.setdefault(name, set()).add(default)
    return found
