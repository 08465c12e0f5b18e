"""An author at work: the command line as a process of its own, real images, no server anywhere."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from airlock_agents.images.builder import ImageBuilder
from airlock_agents.sandbox.engine import connect, find_engine
from airlock_client.local.folder import AIRLOCK_VERSION

_BUILD_SECONDS = 300.0


@pytest.fixture
def no_blocking_call() -> None:
    """Here the command line is another process, and waiting for it blocks on purpose."""


@dataclass
class Author:
    """A person with the command line, in a folder of their own."""

    home: Path
    docker: docker.DockerClient
    install: str = field(default_factory=lambda: f"author-{uuid.uuid4().hex[:8]}")
    images: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
        base = {name: os.environ[name] for name in ("AIRLOCK_BASE_IMAGE",) if name in os.environ}
        return kept | base | {"AIRLOCK_HOME": str(self.home / "data"), "COLUMNS": "120"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airlock_client", *arguments]

    def airlock(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the author's folder."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.home,
            env=self.environment,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=300,
        )

    def ask(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with --json; answers what it printed."""
        done = self.airlock(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def containers(self) -> list[Any]:
        """What is left of attempts on this author's install."""
        return list(
            self.docker.api.containers(all=True, filters={"label": f"airlock.install={self.install}"})
        )

    def agent(self, name: str, files: dict[str, str], **manifest: Any) -> Path:
        """Write an agent's folder; an image that is built has a name that nobody else has."""
        folder = self.home / name
        folder.mkdir()
        image = f"airlock-test-{name}-{uuid.uuid4().hex[:8]}"
        self.images.append(manifest.get("image", image))
        anything = {"input_schema": {"type": "object"}, "output_schema": {"type": "object"}}
        document = {
            "name": name,
            "version": "0.1.0",
            "type": "SCRIPT",
            "image": image,
            "command": ["sh", "-c", "cat"],
            "limits": {"memory_mb": 64, "timeout_seconds": 30, "pids": 32},
            "actions": {"go": anything},
        } | manifest
        (folder / "agent.yaml").write_text(json.dumps(document, indent=1))  # YAML, and no aliases in it
        for file, text in ({"Dockerfile": "ARG base=airlock-base\nFROM ${base}\n"} | files).items():
            (folder / file).write_text(text)
        return folder

    def new(self, name: str) -> Path:
        """A scaffolded agent, its image renamed so that nobody else has it."""
        done = self.airlock("agents", "new", name)
        assert done.returncode == 0, done.stderr
        path = self.home / name / "agent.yaml"
        image = f"airlock-test-{name}-{uuid.uuid4().hex[:8]}"
        self.images.append(image)
        path.write_text(path.read_text().replace(f"image: {name}\n", f"image: {image}\n"))
        return path.parent


@pytest.fixture(scope="session")
def base_image(docker_engine: docker.DockerClient) -> str:
    """The id of airlock-base, built if it is not there or has changed."""
    client = connect(find_engine(os.environ, Path.home()), timeout=_BUILD_SECONDS)
    try:
        return ImageBuilder(client, base=os.environ.get("AIRLOCK_BASE_IMAGE") or None).build_base().image_id
    finally:
        client.close()


@pytest.fixture
def author(tmp_path: Path, base_image: str, docker_client: docker.DockerClient) -> Iterator[Author]:
    """An author; no container and no image of theirs is left at the end."""
    someone = Author(tmp_path, docker_client)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "install").write_text(someone.install + "\n")
    (tmp_path / "data" / "version").write_text(AIRLOCK_VERSION + "\n")
    yield someone
    assert someone.containers() == []
    # By name: a Dockerfile that adds nothing gives airlock-base a second name, and no image of its own.
    for name in someone.images:
        if name.startswith("airlock-test-"):
            for one in docker_client.api.images(name=name):
                for tag in one["RepoTags"] or ():
                    if tag.startswith(name):
                        docker_client.images.remove(tag)


Make = Callable[..., Path]
