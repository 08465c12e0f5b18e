"""An author's folder becomes an image: the base is made first where it is missing, and can be another."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from airlock_agents.images.folder_images import FolderBuilder
from airlock_agents.images.packages import BuildProblem
from airlock_agents.sandbox.engine import Engine, connect

_BUILD_SECONDS = 300.0


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def builder(engine: Engine, base_image: str, said: list[str]) -> Iterator[FolderBuilder]:
    client = connect(engine, timeout=_BUILD_SECONDS)
    base = os.environ.get("AIRLOCK_BASE_IMAGE") or None
    yield FolderBuilder(
        client, architecture=engine.architecture, airlock_base=base, install="folder-test", say=said.append
    )
    client.close()


@pytest.fixture
def tag(docker_engine: docker.DockerClient) -> Iterator[str]:
    """A name that nobody else has; images whose names begin with it are removed at the end."""
    name = f"airlock-test-folder-{uuid.uuid4().hex[:8]}"
    yield name
    # The list alone: asking for each image fails where another's is removed meanwhile.
    listed = docker_engine.api.images()
    tags = {tag for image in listed for tag in image["RepoTags"] or () if tag.startswith(name)}
    for one in sorted(tags, key=len, reverse=True):
        docker_engine.images.remove(one)


def test_a_base_that_is_missing_is_built_first_and_only_then(
    builder: FolderBuilder, tag: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = f"{tag}-base"
    for module in ("builder", "folder_images", "recipes"):
        monkeypatch.setattr(f"airlock_agents.images.{module}.BASE", missing)
    (tmp_path / "Dockerfile").write_text(
        f"ARG base={missing}\nFROM ${{base}}\nRUN python3 -c 'import airlock_sdk'\n"
    )
    builder.build(tmp_path, tag, base=None)
    assert f"{missing} is missing: it is built first, once on this machine" in said
    said.clear()
    builder.build(tmp_path, tag, base=None)
    assert not [line for line in said if "is missing" in line]


def test_another_base_takes_the_place_of_the_dockerfiles_own(
    builder: FolderBuilder, tag: str, docker_engine: docker.DockerClient, base_image: str, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("ARG base=there-is-no-such-image\nFROM ${base}\nLABEL mine=1\n")
    made = builder.build(tmp_path, f"{tag}:5000/team/agent:1.2", base="airlock-base")
    image = docker_engine.images.get(f"{tag}:5000/team/agent:1.2")
    assert (image.id, image.labels["mine"]) == (made.image_id, "1")
    assert made.size == image.attrs["Size"]


def test_the_image_of_a_registered_version_stays_when_the_name_moves_on(
    builder: FolderBuilder, tag: str, docker_engine: docker.DockerClient, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM airlock-base\nLABEL mine=1\n")
    first = builder.build(tmp_path, tag, base=None)
    (tmp_path / "Dockerfile").write_text("FROM airlock-base\nLABEL mine=2\n")
    second = builder.build(tmp_path, tag, base=None)
    assert docker_engine.images.get(tag).id == second.image_id != first.image_id
    assert (
        f"{tag}:{first.image_id.removeprefix('sha256:')[:12]}"
        in docker_engine.images.get(first.image_id).tags
    )


@pytest.mark.parametrize("name", ["Upper", "a b", "a@sha256:1", "-x", "a:b:c"])
def test_a_name_that_no_build_can_give_is_refused(builder: FolderBuilder, name: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM airlock-base\n")
    with pytest.raises(BuildProblem, match="is no name that a build can give"):
        builder.build(tmp_path, name, base=None)


@pytest.mark.parametrize(
    "name", ["airlock-base", "airlock-suite:1", "airlock-agent-security-scanner", "library/airlock-base"]
)
def test_a_folder_takes_no_name_that_other_images_stand_on(
    builder: FolderBuilder, docker_engine: docker.DockerClient, name: str, base_image: str, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM airlock-base\nLABEL mine=1\n")
    with pytest.raises(BuildProblem, match="is a name of Airlock's own images"):
        builder.build(tmp_path, name, base=None)
    assert "mine" not in docker_engine.images.get("airlock-base").labels
