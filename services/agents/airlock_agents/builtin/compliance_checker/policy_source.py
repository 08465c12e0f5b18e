"""Where a policy comes from: the caller, always; from the workspace only if the caller names the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from airlock_sdk import Context, Failure

from .policy import Policy
from .policy_document import MAX_BYTES, PolicyProblems, read_policy
from .yaml_nodes import NotReadable, read_documents

_GIVEN = ("policy", "policy_file", "policy_path")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the policy in force came from, to be told with the answer."""

    source: str  # default, input, artifact, workspace
    path: str | None = None  # in the workspace
    warning: str | None = None


def find_policy(inputs: Mapping[str, Any], ctx: Context, root: Path) -> tuple[Policy, Origin]:
    """Read the policy that the input gives. Raises Failure for more than one, and for one with mistakes."""
    given = [one for one in _GIVEN if inputs.get(one) is not None]
    if len(given) > 1:
        raise Failure("agent.policy_ambiguous", f"give one policy, not {' and '.join(given)}")
    if not given:
        return Policy(), Origin("default")
    if given == ["policy"]:
        return _checked(inputs["policy"]), Origin("input")
    if given == ["policy_file"]:
        return _checked(_document(_read(ctx.artifact("/policy_file")))), Origin("artifact")
    path = str(inputs["policy_path"])
    warning = (
        f"The policy was read from {path} in the workspace itself: whoever can change the workspace decides "
        "what it is held to."
    )
    return _checked(_document(_read(_inside(root, path)))), Origin("workspace", path, warning)


def _inside(root: Path, path: str) -> Path:
    full = (root / path).resolve()
    if not full.is_relative_to(root.resolve()) or not full.is_file():
        raise Failure("agent.policy_missing", f"the workspace has no file {path[:200]!r}")
    return full


def _read(path: Path) -> str:
    if not path.is_file():
        raise Failure("agent.policy_invalid", "a policy is a file, not a workspace")
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise Failure("agent.policy_invalid", f"a policy may have {MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure("agent.policy_invalid", "a policy is UTF-8") from error


def _document(text: str) -> Any:
    """Parse JSON or YAML; the bounded reader goes first, so that no alias bomb reaches the other one."""
    try:
        if text.lstrip().startswith("{"):
            with suppress(ValueError):  # YAML's flow style begins like this, too
                return json.loads(text)
        if len(read_documents(text)) != 1:
            raise Failure("agent.policy_invalid", "a policy is one YAML or JSON document")
        return yaml.safe_load(text)
    except (NotReadable, yaml.YAMLError, ValueError, RecursionError) as error:
        raise Failure(
            "agent.policy_invalid", f"the policy is neither JSON nor YAML: {error}"[:500]
        ) from error


def _checked(document: Any) -> Policy:
    try:
        return read_policy(document)
    except PolicyProblems as error:
        details = {"problems": error.problems}
        raise Failure("agent.policy_invalid", str(error), details=details) from error
