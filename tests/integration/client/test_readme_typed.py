"""The README's commands and those of the guide to the box, typed as they stand on a new install."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from guide_commands import run_guide, steps

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", ROOT / "docs" / "guides" / "looking-after-the-box.md")
"""In the order in which a newcomer types them."""


@pytest.fixture
def no_image_of_the_readme(docker_engine: docker.DockerClient) -> Iterator[None]:
    """Take away the names that the README gives to an image, when it is done."""
    yield
    for image in docker_engine.images.list(name="my-agent"):
        for tag in image.tags:
            docker_engine.images.remove(tag)


@pytest.mark.usefixtures("no_image_of_the_readme")
def test_a_newcomer_can_type_the_readme_and_look_after_the_box(fresh: Any, tmp_path: Path) -> None:
    up = fresh.airlock("up", "--detach", "--port", "0")  # whatever else has the port that the page names
    assert up.returncode == 0, up.stdout + up.stderr
    (tmp_path / "examples").symlink_to(ROOT / "examples")  # the checkout, as far as it is read
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    for page in PAGES:
        typed = run_guide(page, folder=tmp_path, environment=fresh.environment | {"PATH": path}, seconds=500)
        assert typed == sum(bool(step.command) for step in steps(page.read_text())) > 2
    assert fresh.airlock("down").returncode == 0
    fresh.until_nothing_runs(5)
