"""Two checkouts of different content that build on one engine: neither ever gets the other's images."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import airlock_agents
import docker
import pytest
from airlock_client.local.shipped import NotShipped, pinned

_HERE = Path(__file__).parents[3]
_RECIPES = ("infra/images", "libs/sdk/airlock_sdk")


@pytest.fixture
def no_blocking_call() -> None:
    """Builds are commands here, and waiting for them blocks on purpose."""


@dataclass(frozen=True)
class Checkout:
    """A checkout, and an agent in it that both have under one name."""

    agents: Path
    """Where its package airlock_agents lies."""
    agent: Path
    bases: set[str] = field(default_factory=set)
    """Those that it built on."""

    def build(self) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Build base and agent; answers both and what was said."""
        command = [sys.executable, "-m", "airlock_agents", "images", "build", "--json", str(self.agent)]
        done = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": str(self.agents)},
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == 0, done.stderr
        base, agent = json.loads(done.stdout)
        self.bases.add(base["pinned"])
        return base, agent, done.stderr


@pytest.fixture
def checkouts(tmp_path: Path, docker_engine: docker.DockerClient) -> Iterator[tuple[Checkout, Checkout]]:
    """This checkout and one whose SDK and agent are others; what they built is removed at the end."""
    name = f"twin-{uuid.uuid4().hex[:8]}"
    other = tmp_path / "other"
    package = Path(airlock_agents.__file__ or "").parent
    shutil.copytree(
        package, other / "services/agents/airlock_agents", ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in _RECIPES:
        shutil.copytree(_HERE / folder, other / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "libs/sdk/airlock_sdk/__init__.py").open("a") as sdk:
        sdk.write(f"# of another checkout, {name}\n")
    made = []
    for at, root in (("this", _HERE), ("other", other)):
        agent = tmp_path / at / "twin"
        agent.mkdir(parents=True, exist_ok=True)
        (agent / "agent.yaml").write_text(f"name: {name}\nversion: 1.0.0\n")
        (agent / "main.py").write_text(f"print({at!r})\n")
        made.append(Checkout(root / "services/agents", agent))
    yield made[0], made[1]
    made[0].build()  # airlock-base is this checkout's again
    for image in docker_engine.images.list(name=f"airlock-agent-{name}"):
        docker_engine.images.remove(image.id or "", force=True)
    for pinned_base in made[1].bases - made[0].bases:
        docker_engine.images.remove(pinned_base)


def _says(engine: docker.DockerClient, image: str, word: str) -> bool:
    """Whether the SDK in an image has that word."""
    code = "import airlock_sdk, pathlib; print(pathlib.Path(airlock_sdk.__file__).read_text())"
    return word in engine.containers.run(image, ["python3", "-c", code], remove=True).decode()


def test_each_checkout_gets_its_own_build_whoever_built_last(
    checkouts: tuple[Checkout, Checkout], docker_engine: docker.DockerClient, base_image: str
) -> None:
    this, other = checkouts
    base, agent, _ = this.build()
    other_base, other_agent, _ = other.build()
    assert base["id"] != other_base["id"]
    assert agent["tag"] == other_agent["tag"]
    # `latest` is the other's by now; what this one registers by is still its own.
    assert docker_engine.images.get(agent["tag"]).id == other_agent["id"]
    for one in (base, agent, other_base, other_agent):
        assert docker_engine.images.get(one["pinned"]).id == one["id"]
    says = {
        one["id"]: docker_engine.containers.run(
            one["id"], ["python3", "-c", "import builtin.twin.main"], remove=True
        )
        for one in (agent, other_agent)
    }
    assert says == {agent["id"]: b"this\n", other_agent["id"]: b"other\n"}
    # An agent stands on its own checkout's base.
    assert not _says(docker_engine, agent["id"], "of another checkout")
    assert _says(docker_engine, other_agent["id"], "of another checkout")
    # And nothing is built again because the other one was here.
    again, agent_again, said = this.build()
    assert (again, agent_again) == (base, agent)
    assert said.splitlines() == ["airlock-base: unchanged", f"{agent['tag']}: unchanged"]


def test_a_manifest_is_registered_by_the_name_of_one_build() -> None:
    manifest = b"name: x\n# image: no\nimage: airlock-agent-x\ncommand: [x]\n"
    written = pinned(manifest, {"airlock-agent-x": "airlock-agent-x:0123456789ab"})
    assert written == manifest.replace(b"image: airlock-agent-x", b"image: airlock-agent-x:0123456789ab")
    for unusable, images in ((manifest, {}), (b"name: x\n", {"airlock-agent-x": "y"})):
        with pytest.raises(NotShipped, match="names no image that was built"):
            pinned(unusable, images)
