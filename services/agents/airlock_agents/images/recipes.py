"""What Airlock's own images are made of: from a checkout, which files, under which hash. Asks no engine.

Who builds follows these plans, and who only wants to know whether an image is current compares with them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from .agent_sources import AGENT_PREFIX, AgentSource
from .image_files import content_hash, read_tree
from .packages import BuildProblem

BASE = "airlock-base"
SUITE = "airlock-suite"
_DEFAULT_REGISTRY = re.compile(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?")
_CHECKOUT = Path(__file__).resolve().parents[4]
_RECIPES = _CHECKOUT / "infra" / "images"


def is_airlocks(repository: str) -> bool:
    """Whether Airlock's own builds give this name, without a tag and however its registry is spelled.

    A label would not tell: what somebody builds upon an image of ours inherits its labels.
    """
    name = _DEFAULT_REGISTRY.sub("", repository)
    return name in (BASE, SUITE) or name.startswith(AGENT_PREFIX)


@dataclass(frozen=True)
class Plan:
    """An image that is to be there."""

    tag: str
    files: dict[str, bytes]
    content: str
    """Hash over all that decides what it is; an image carries it as a label."""

    @property
    def pinned(self) -> str:
        """The name of this very content, which no other checkout's build takes over."""
        return pinned_name(self.tag, self.content)


def pinned_name(tag: str, content: str) -> str:
    """Name the build of one content. Pure."""
    return f"{tag}:{content[:12]}"


def require_recipes() -> None:
    """Raise BuildProblem outside a checkout, before anything takes long."""
    _recipe("base")


def base_plan(source_id: str) -> Plan:
    """Plan the base image on an image that is there. Raises BuildProblem outside a checkout."""
    files = {
        "Dockerfile": _recipe("base"),
        **read_tree(_CHECKOUT / "libs" / "sdk" / "airlock_sdk", "airlock/airlock_sdk"),
    }
    return Plan(BASE, files, content_hash(files, source_id))


def agent_plan(agent: AgentSource, base_id: str) -> Plan:
    """Plan one agent's image on a base. Its packages are decided by its locked requirements.

    Raises BuildProblem outside a checkout.
    """
    files = {
        "Dockerfile": _recipe("agent"),
        "agent/builtin/__init__.py": b"",
        **read_tree(agent.folder, f"agent/builtin/{agent.package}"),
    }
    for package in agent.included:
        files |= read_tree(agent.folder.parent / package, f"agent/builtin/{package}")
    return Plan(agent.image, files, content_hash(files, base_id))


def _recipe(name: str) -> bytes:
    try:
        return (_RECIPES / name / "Dockerfile").read_bytes()
    except OSError as error:
        raise BuildProblem(f"{_RECIPES} is not there: images are built from a checkout of Airlock") from error
