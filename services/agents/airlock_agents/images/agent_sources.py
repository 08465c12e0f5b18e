"""Where the built-in agents lie, and what a folder of one holds."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from .image_files import read_whole
from .packages import BuildProblem

_MAX_MANIFEST_BYTES = 1024 * 1024
AGENT_PREFIX = "airlock-agent-"


@dataclass(frozen=True)
class AgentSource:
    """A folder that holds one agent: its package, `agent.yaml`, `requirements.txt`, `include.txt`."""

    name: str
    package: str
    folder: Path

    @property
    def image(self) -> str:
        """The tag its image gets."""
        return AGENT_PREFIX + self.name

    @property
    def included(self) -> list[str]:
        """The packages beside it that it uses: `include.txt` names them, one a line."""
        path = self.folder / "include.txt"
        return path.read_text().split() if path.is_file() else []


def builtin_agents(folder: Path | None = None) -> list[AgentSource]:
    """List the agents that lie in a folder (by default the built-in ones), by name."""
    root = folder or Path(__file__).resolve().parents[1] / "builtin"
    return [agent_source(path.parent) for path in sorted(root.glob("*/agent.yaml"))]


def agent_source(folder: Path) -> AgentSource:
    """Read which agent a folder holds. Raises BuildProblem."""
    path = folder / "agent.yaml"
    raw = read_whole(path, _MAX_MANIFEST_BYTES)
    try:
        manifest = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # 2024-13-45; brackets without an end
        raise BuildProblem(f"{path} cannot be read: {error}") from error
    name = manifest.get("name") if isinstance(manifest, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        raise BuildProblem(f"{path} names no agent")
    return AgentSource(name=name, package=folder.name, folder=folder)
