"""The example agents in other languages: built, tried, and right."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from airlock_agents.images.builder import ImageBuilder
from airlock_agents.sandbox.engine import connect, find_engine
from airlock_orchestration.engine.schemas import Validator, resolve_artifacts
from airlock_sdk.testing import examples

EXAMPLES = Path(__file__).parents[3] / "examples" / "agents"
NODE_BASE = "airlock-suite-nodejs"
_SUITE_SECONDS = 300.0


@pytest.fixture
def copied(author: Any) -> Callable[[str], Path]:
    """Copy an example into the author's folder, with an image that nobody else has."""

    def copy(name: str) -> Path:
        folder: Path = author.home / name
        shutil.copytree(EXAMPLES / name, folder)
        image = f"airlock-test-{name}-{author.home.name.lower()[-20:].strip('_')}"
        author.images.append(image)
        path = folder / "agent.yaml"
        path.write_text(path.read_text().replace(f"image: {name}\n", f"image: {image}\n"))
        return folder

    return copy


@pytest.fixture(scope="module")
def node_base(docker_engine: docker.DockerClient) -> str:
    """An image with node from this machine's own packages: kept, so that it is made once."""
    client = connect(find_engine(os.environ, Path.home()), timeout=_SUITE_SECONDS)
    try:
        ImageBuilder(client).build_suite(NODE_BASE, include=("nodejs",))
    finally:
        client.close()
    return NODE_BASE


def schema(name: str, action: str, field: str) -> Any:
    return yaml.safe_load((EXAMPLES / name / "agent.yaml").read_text())["actions"][action][field]


def test_the_shell_agent_counts_lines_by_language_in_whatever_its_schema_lets_in(
    author: Any, copied: Callable[[str], Path]
) -> None:
    copied("line-counts")
    author.ask("agents", "build", "line-counts")
    told = author.ask("agents", "try", "line-counts", "--input", "line-counts/input.json")
    assert told["output"] == {
        "files": 5,
        "lines": 10,
        "blank": 3,
        "languages": [
            {"language": "Docker", "files": 1, "lines": 1, "blank": 0},
            {"language": "Python", "files": 3, "lines": 6, "blank": 2},
            {"language": "Shell", "files": 1, "lines": 3, "blank": 1},
        ],
    }
    assert "counting with" in told["stderr_tail"]

    wanted = schema("line-counts", "count", "input_schema")
    given = next(one for one in examples(wanted, 40, seed=9) if len(one["files"]) > 2)
    (author.home / "given.json").write_text(json.dumps(given))
    output = author.ask("agents", "try", "line-counts", "--input", "given.json")["output"]
    assert output["files"] == len(given["files"])
    assert output["lines"] == sum(len(one["text"].splitlines()) for one in given["files"])


def test_the_node_agent_lists_dependencies(
    author: Any, copied: Callable[[str], Path], node_base: str
) -> None:
    copied("npm-dependencies")
    author.ask("agents", "build", "npm-dependencies", "--base", node_base)
    output = author.ask("agents", "try", "npm-dependencies", "--input", "npm-dependencies/input.json")[
        "output"
    ]
    assert (output["name"], output["total"], output["truncated"]) == ("shop", 6, False)
    assert output["unpinned"] == ["eslint", "express", "own"]
    sources = {one["name"]: one["source"] for one in output["dependencies"]}
    assert sources == {
        "express": "range",
        "left-pad": "exact",
        "ui": "file",
        "eslint": "any",
        "own": "git",
        "react": "range",
    }
    assert (
        Validator(resolve_artifacts(schema("npm-dependencies", "list", "output_schema"))).problem(output)
        is None
    )

    broken = author.ask("agents", "try", "npm-dependencies", "--input", '{"package_json": "[]"}', code=2)
    assert broken["failure"]["code"] == "exit.nonzero"
    assert "package.json is not an object" in broken["stderr_tail"]
