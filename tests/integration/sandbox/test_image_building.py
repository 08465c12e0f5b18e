"""Building images: only when their content changed, from the machine's own packages, safe to run."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from airlock_agents.images.agent_sources import AgentSource, agent_source, builtin_agents
from airlock_agents.images.builder import ImageBuilder
from airlock_agents.images.folder_images import FolderBuilder
from airlock_agents.images.packages import BuildProblem, _suite_sources, suite_tarball
from airlock_agents.sandbox.docker import Containers
from airlock_agents.sandbox.engine import Engine, connect
from airlock_agents.sandbox.outcome import Success
from airlock_agents.sandbox.pinning import Pinned, Unusable, inspect_image
from airlock_agents.sandbox.ports import SandboxSpec
from airlock_agents.sandbox.sandboxes import Sandboxes
from airlock_agents.upkeep.purge import list_leftovers, list_unnamed, remove

BASE = os.environ.get("AIRLOCK_BASE_IMAGE") or None
_BUILD_SECONDS = 300.0

MAIN = """
from airlock_sdk import Agent
import greeting_words

agent = Agent()

@agent.action("go")
def go(inputs: dict, ctx) -> dict:
    return {"says": greeting_words.HELLO}

if __name__ == "__main__":
    agent.run()
"""


@pytest.fixture
def builder(engine: Engine, base_image: str) -> Iterator[ImageBuilder]:
    client = connect(engine, timeout=_BUILD_SECONDS)
    yield ImageBuilder(client, base=BASE)
    client.close()


@pytest.fixture
def tiny_agent(tmp_path: Path, docker_engine: docker.DockerClient) -> Iterator[AgentSource]:
    """An agent of one file, whose image is removed at the end."""
    name = f"tiny-{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "tiny_agent"
    folder.mkdir()
    (folder / "agent.yaml").write_text(f"name: {name}\nversion: 1.0.0\n")
    (folder / "__init__.py").write_text("")
    (folder / "__main__.py").write_text(MAIN)
    yield agent_source(folder)
    for image in docker_engine.images.list(name=f"airlock-agent-{name}"):
        assert image.id is not None
        docker_engine.images.remove(image.id, force=True)


def test_an_agent_is_built_once_and_again_when_it_changed(
    builder: ImageBuilder, tiny_agent: AgentSource, base_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = builder.build_agent(tiny_agent, base_image)
    with monkeypatch.context() as patched:
        patched.setattr(builder, "_build_changed", None)
        second = builder.build_agent(tiny_agent, base_image)
    assert (first.rebuilt, second.rebuilt) == (True, False)
    assert first.image_id == second.image_id

    (tiny_agent.folder / "more.py").write_text("x = 1\n")
    third = builder.build_agent(tiny_agent, base_image)
    assert third.rebuilt
    assert third.image_id != first.image_id


def test_the_base_is_not_built_again(builder: ImageBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = builder.build_base()
    monkeypatch.setattr(builder, "_build_changed", None)
    second = builder.build_base()
    assert (second.rebuilt, second.image_id) == (False, first.image_id)


async def test_a_built_agent_runs_with_the_sdk_and_its_locked_packages(
    builder: ImageBuilder,
    tiny_agent: AgentSource,
    base_image: str,
    tmp_path: Path,
    sandboxes: Sandboxes,
    recorder: Any,
    spec_of: Callable[..., SandboxSpec],
    request_of: Callable[..., Any],
) -> None:
    requirement = await asyncio.to_thread(make_wheel, tmp_path)
    (tiny_agent.folder / "requirements.txt").write_text(requirement)
    built = await asyncio.to_thread(builder.build_agent, tiny_agent, base_image)
    template = spec_of(["python3", "-m", "builtin.tiny_agent"], "airlock/1")
    spec = SandboxSpec(sandbox=template.sandbox, manifest=template.manifest, image=built.image_id)
    outcome = await sandboxes.run(spec, request_of({}), recorder, recorder)
    assert isinstance(outcome, Success), outcome
    assert json.loads(outcome.output) == {"says": "hello"}


def make_wheel(folder: Path) -> str:
    """A wheel with one module in a folder of its own; answers a locked requirement that finds it there."""
    links = folder / "wheels"
    links.mkdir()
    wheel = links / "greeting_words-1.0-py3-none-any.whl"
    info = "greeting_words-1.0.dist-info"
    files = {
        "greeting_words.py": "HELLO = 'hello'\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: greeting-words\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in files)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"--no-index\n--find-links {links}\ngreeting-words==1.0 --hash=sha256:{digest}\n"


def test_a_package_without_a_hash_is_refused(
    builder: ImageBuilder, tiny_agent: AgentSource, base_image: str
) -> None:
    (tiny_agent.folder / "requirements.txt").write_text("--no-index\ngreeting-words==1.0\n")
    with pytest.raises(BuildProblem, match="hash"):
        builder.build_agent(tiny_agent, base_image)


def test_a_built_image_declares_nothing_that_opens_a_sandbox(
    builder: ImageBuilder, tiny_agent: AgentSource, base_image: str, docker_engine: docker.DockerClient
) -> None:
    built = builder.build_agent(tiny_agent, base_image)
    config = docker_engine.images.get(built.image_id).attrs["Config"]
    assert not config.get("Volumes")
    assert config["User"] == "65532:65532"
    assert "PYTHONPATH=/opt/airlock:/opt/agent:/opt/agent/site" in config["Env"]


async def test_an_image_is_pinned_by_what_it_is(
    containers: Containers, docker_engine: docker.DockerClient, base_image: str
) -> None:
    name = f"pinned-{uuid.uuid4().hex[:8]}"
    image = await asyncio.to_thread(docker_engine.images.get, base_image)
    await asyncio.to_thread(image.tag, name)
    assert await inspect_image(containers, name) == Pinned(digest=base_image)
    await asyncio.to_thread(docker_engine.images.remove, name)


async def test_a_missing_image_is_a_problem_and_no_error(containers: Containers) -> None:
    judged = await inspect_image(containers, "airlock-agent-no-such:latest")
    assert isinstance(judged, Unusable)
    assert "no image" in judged.problem


async def test_a_name_that_is_no_image_name_is_a_problem_and_no_error(containers: Containers) -> None:
    assert isinstance(await inspect_image(containers, "NOT an image"), Unusable)


def test_the_builtin_agents_are_found_by_their_manifests(tmp_path: Path) -> None:
    for name in ("b_agent", "a_agent", "no_agent"):
        (tmp_path / name).mkdir()
    for name in ("b_agent", "a_agent"):
        (tmp_path / name / "agent.yaml").write_text(f"name: {name.replace('_', '-')}\n")
    assert [agent.image for agent in builtin_agents(tmp_path)] == [
        "airlock-agent-a-agent",
        "airlock-agent-b-agent",
    ]


@pytest.mark.parametrize("text", ["", "[]", "name: NOT A NAME", "name: {", "name: 5"])
def test_a_folder_that_names_no_agent_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "agent.yaml").write_text(text)
    with pytest.raises(BuildProblem):
        agent_source(tmp_path)


def test_only_the_suites_own_sources_are_taken(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "# deb http://old.example.com x main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://deb.example.com/debian bookworm main contrib\n"
        "deb http://third.example.com stable main\n"
        "deb-src http://deb.example.com/debian bookworm main\n"
    )
    (tmp_path / "sources.list.d/own.sources").write_text(
        "Types: deb\n# a note\nURIs: http://sec.example.com\nSuites: bookworm-security\nComponents: main\n\n"
        "Types: deb\nURIs: http://node.example.com\nSuites: nodistro\nComponents: main\n"
    )
    sources = _suite_sources(tmp_path, "bookworm")
    assert sources.count("URIs:") == 2
    assert "Signed-By: /k.gpg" in sources
    assert "third" not in sources
    assert "node" not in sources


def test_the_command_lists_and_purges_by_label(docker_engine: docker.DockerClient, base_image: str) -> None:
    install = f"test-purge-{uuid.uuid4().hex[:8]}"
    other = f"{install}-other"
    made = [
        docker_engine.containers.create(base_image, ["true"], labels={"airlock.install": owner})
        for owner in (install, other)
    ]
    network = docker_engine.networks.create(
        f"{install}-net", labels={"airlock.install": install}, internal=True
    )

    def purge(*flags: str) -> Any:
        command = [sys.executable, "-m", "airlock_agents", "purge", "--install", install, "--json", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    try:
        listed = purge()
        assert {item["id"] for item in listed} == {made[0].id, network.id}
        assert not any(item["removed"] for item in listed)
        assert all(item["removed"] for item in purge("--yes"))
        assert purge() == []
        made[1].reload()
    finally:
        made[1].remove(force=True)


def test_a_purge_lists_the_images_that_were_built_for_its_install_and_no_others(
    docker_engine: docker.DockerClient, builder: ImageBuilder, engine: Engine, tmp_path: Path
) -> None:
    builder.build_base()
    word = uuid.uuid4().hex[:8]
    (tmp_path / "Dockerfile").write_text("FROM airlock-base\nENV MINE=1\n")
    names = {install: f"test-{install}-{word}" for install in (f"one-{word}", f"two-{word}")}
    upon = f"test-upon-{word}"
    try:
        for install, name in names.items():
            folders = FolderBuilder(
                docker_engine.api,
                architecture=engine.architecture,
                airlock_base=BASE,
                install=install,
                say=lambda line: None,
            )
            folders.build(tmp_path, name, base=None)
        recipe = io.BytesIO(f"FROM {names[f'one-{word}']}\nENV THEIRS=1\n".encode())
        docker_engine.images.build(fileobj=recipe, tag=upon, rm=True)
        listed = list_leftovers(docker_engine.api, f"one-{word}", images=True)
        assert {item.name.rpartition(":")[0] for item in listed} == {names[f"one-{word}"]}
        assert len(listed) == 2  # `latest`, and the name that versions keep
        assert list_leftovers(docker_engine.api, f"one-{word}") == []
        assert list_leftovers(docker_engine.api, "none", images=True) == []
        assert all(item.removed for item in remove(docker_engine.api, listed))
        assert list_leftovers(docker_engine.api, f"one-{word}", images=True) == []
        assert len(list_leftovers(docker_engine.api, f"two-{word}", images=True)) == 2
    finally:
        for name in (upon, *names.values()):
            for image in docker_engine.images.list(name=name):
                for tag in image.tags:
                    docker_engine.images.remove(tag)


def test_of_airlocks_own_builds_only_those_without_a_name_and_a_container_are_pruned(
    docker_engine: docker.DockerClient, base_image: str
) -> None:
    def unnamed(content: str, text: str) -> str:
        recipe = io.BytesIO(f"FROM {base_image}\nENV TEXT={text}\n".encode())
        labels = {"airlock.images": "1", "airlock.content": content}
        made, _ = docker_engine.images.build(fileobj=recipe, labels=labels, rm=True)
        return str(made.id)

    word = uuid.uuid4().hex
    lost, used = unnamed(word, f"lost-{word}"), unnamed(f"{word}-used", f"used-{word}")
    upon = unnamed(docker_engine.images.get(base_image).labels["airlock.content"], f"upon-{word}")
    container = docker_engine.containers.create(used, ["true"])
    try:
        listed = {item.id for item in list_unnamed(docker_engine.api)}
        assert lost in listed
        assert listed.isdisjoint({used, upon, base_image})
    finally:
        container.remove()
        for image in (lost, used, upon):
            docker_engine.images.remove(image)


def test_without_mmdebstrap_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("mmdebstrap") is None
    with pytest.raises(BuildProblem, match=r"^[^\n]+$"):
        suite_tarball()
