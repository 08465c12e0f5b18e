"""The built-in agents as what they are: images, run as locked containers that speak frames."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_agents.sandbox.seccomp import profile_json
from airlock_sdk.testing import Given, Outcome, given_workspace, run_program

from .sarif_logs import problems

BUILTIN = Path(__file__).parents[3] / "services" / "agents" / "airlock_agents" / "builtin"
INSTALL = f"test-builtin-{os.getpid()}-{os.urandom(3).hex()}"

RunAgent = Callable[..., Outcome]


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The images' ids by agent, built where their content changed."""
    command = [sys.executable, "-m", "airlock_agents", "images", "build", "--quiet"]
    built = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    tags = dict(line.split() for line in built.stdout.splitlines())
    return {tag.removeprefix("airlock-agent-"): image for tag, image in tags.items()}


@pytest.fixture(scope="session")
def run_agent(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunAgent]:
    """Run an action in a container with the limits of the agent's manifest, as its sandbox would."""
    profile = tmp_path_factory.mktemp("seccomp") / "profile.json"
    profile.write_text(profile_json())

    def run(
        agent: str,
        action: str,
        inputs: dict[str, Any],
        *,
        workspace: Path | None = None,
        given: Sequence[Given] = (),
        timeout: float = 100.0,
    ) -> Outcome:
        manifest = yaml.safe_load((BUILTIN / agent.replace("-", "_") / "agent.yaml").read_text())
        limits = manifest["limits"]
        tmpfs = f"/tmp:rw,noexec,nosuid,nodev,size={limits['scratch_mb']}m,mode=1777"
        command = [
            *("docker", "run", "-i", "--rm", "--init", "--label", f"airlock.install={INSTALL}"),
            *("--network", "none", "--read-only", "--tmpfs", tmpfs, "--workdir", "/tmp"),
            *("--user", "65532:65532", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--security-opt", f"seccomp={profile}"),
            *("--memory", f"{limits['memory_mb']}m", "--memory-swap", f"{limits['memory_mb']}m"),
            *("--pids-limit", str(limits["pids"]), "--log-driver", "none"),
            *("--env", "HOME=/tmp", "--env", "PYTHONDONTWRITEBYTECODE=1", "--env", "PYTHONUNBUFFERED=1"),
            images[agent],
            *manifest["command"],
        ]
        folders = [given_workspace(workspace)] if workspace is not None else []
        return run_program(command, action, inputs, given=[*folders, *given], timeout=timeout)

    yield run
    label = f"label=airlock.install={INSTALL}"
    left = subprocess.run(
        ["docker", "ps", "-aq", "--filter", label], check=True, capture_output=True, text=True
    )
    if left.stdout.split():
        # One that is on its way out by itself (--rm) cannot be removed, and need not be.
        subprocess.run(["docker", "rm", "-f", *left.stdout.split()], check=False, capture_output=True)


@pytest.fixture(scope="session")
def check_output() -> Callable[[str, str, Outcome], dict[str, Any]]:
    """Check an outcome as the house does: its output fits the schema registered for the action.

    A log that it names must be SARIF.
    """
    from airlock_orchestration.engine.schemas import Validator, resolve_artifacts

    def check(agent: str, action: str, outcome: Outcome) -> dict[str, Any]:
        assert outcome.output is not None, outcome.failure
        manifest = yaml.safe_load((BUILTIN / agent.replace("-", "_") / "agent.yaml").read_text())
        schema = resolve_artifacts(manifest["actions"][action]["output_schema"])
        assert list(Validator(schema).problems(outcome.output)) == []
        assert len(outcome.raw_output) <= manifest["limits"]["output_kb"] * 1024
        if "sarif" in outcome.output:
            assert problems(json.loads(outcome.artifact(outcome.output["sarif"]))) == []
        return outcome.output

    return check
