"""What of an author's folder goes into a build, and which images a Dockerfile stands on."""

import tarfile
from pathlib import Path

import docker
import pytest
from airlock_agents.images.agent_sources import agent_source
from airlock_agents.images.build_context import pack_context
from airlock_agents.images.builder import ImageBuilder
from airlock_agents.images.folder_images import bases
from airlock_agents.images.packages import BuildProblem
from airlock_agents.images.recipes import is_airlocks


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def packed(folder: Path) -> set[str]:
    with pack_context(folder).archive as archive, tarfile.open(fileobj=archive) as tar:
        return {entry.name for entry in tar if entry.isfile()}


def test_dockerignore_is_obeyed_and_caches_are_left_out_anyway(tmp_path: Path) -> None:
    write(
        tmp_path,
        "Dockerfile",
        "main.py",
        "data/a.bin",
        "data/kept.txt",
        ".venv/x",
        ".git/x",
        "in/__pycache__/x",
    )
    (tmp_path / ".dockerignore").write_text("# a comment\ndata\n!data/kept.txt\n")
    assert packed(tmp_path) >= {"Dockerfile", "main.py", "data/kept.txt"}
    assert not {"data/a.bin", ".venv/x", ".git/x", "in/__pycache__/x"} & packed(tmp_path)


def test_a_line_of_ones_own_brings_a_cache_back(tmp_path: Path) -> None:
    write(tmp_path, "Dockerfile", "node_modules/x.js")
    assert "node_modules/x.js" not in packed(tmp_path)
    (tmp_path / ".dockerignore").write_text("!node_modules\n")
    assert "node_modules/x.js" in packed(tmp_path)


def test_too_many_bytes_or_files_are_refused_unless_they_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "Dockerfile")
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    with pytest.raises(BuildProblem, match=r"has 300 MiB, more than 256: name in \.dockerignore"):
        pack_context(tmp_path)
    (tmp_path / ".dockerignore").write_text("*.bin\n")
    assert "huge.bin" not in packed(tmp_path)

    monkeypatch.setattr("airlock_agents.images.build_context.MAX_CONTEXT_FILES", 3)
    write(tmp_path, "a", "b", "c")
    with pytest.raises(BuildProblem, match="has over 3 files"):
        pack_context(tmp_path)


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildProblem, match="has no Dockerfile"):
        pack_context(tmp_path)


@pytest.mark.parametrize(
    ("dockerfile", "base", "wanted"),
    [
        ("FROM debian:12-slim\n", None, ["debian:12-slim"]),
        ("ARG base=airlock-base\nFROM ${base}\n", None, ["airlock-base"]),
        ("ARG base=airlock-base\nFROM $base\n", "mine:1", ["mine:1"]),
        (
            "ARG base='a'\nFROM --platform=linux/amd64 ${base}:${tag:-1} AS one\nFROM one\nFROM b\n",
            None,
            ["a:", "b"],
        ),
        ("# FROM x\nfrom \\\n  y\nARG base=z\n", None, ["y"]),
    ],
)
def test_the_images_that_a_dockerfile_stands_on(dockerfile: str, base: str | None, wanted: list[str]) -> None:
    assert bases(dockerfile, base) == wanted


def test_without_a_checkout_nothing_is_begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("airlock_agents.images.recipes._RECIPES", tmp_path)
    with pytest.raises(BuildProblem, match="images are built from a checkout of Airlock"):
        ImageBuilder(docker.APIClient(version="1.41"))


def test_a_dockerignore_that_is_too_long_is_refused_and_not_cut(tmp_path: Path) -> None:
    write(tmp_path, "Dockerfile", ".env")
    (tmp_path / ".dockerignore").write_text("# why\n" * 20_000 + ".env\n")
    with pytest.raises(BuildProblem, match=r"\.dockerignore is larger than 64 KiB"):
        pack_context(tmp_path)


@pytest.mark.parametrize(
    ("dockerfile", "found"),
    [
        ("FROM\tairlock-base\n", ["airlock-base"]),
        ("FROM --platform=linux/amd64\nRUN true\n", []),
        ("FROM\n", []),
        ("from \t--platform=linux/amd64\tairlock-base  AS  one\n", ["airlock-base"]),
    ],
)
def test_a_dockerfile_is_read_as_the_engine_separates_words(dockerfile: str, found: list[str]) -> None:
    assert bases(dockerfile, None) == found


@pytest.mark.parametrize(
    ("repository", "ours"),
    [
        ("airlock-base", True),
        ("airlock-suite", True),
        ("airlock-agent-security-scanner", True),
        ("docker.io/library/airlock-base", True),
        ("index." + "docker.io/airlock-base", True),
        ("library/airlock-agent-x", True),
        ("my-agent", False),
        ("airlock-based", False),
        ("localhost:5000/airlock-base", False),
        ("team/airlock-base", False),
    ],
)
def test_a_name_of_airlocks_own_is_known_however_it_is_spelled(repository: str, ours: bool) -> None:
    assert is_airlocks(repository) is ours


@pytest.mark.parametrize(
    "manifest",
    ["description: 2024-13-45", "a: " + "[" * 100_000, "a: [", "[]", "name: 7", "# " + "x" * 2**20, "\x00"],
)
def test_an_agents_folder_that_names_none_is_told_whatever_stands_there(
    tmp_path: Path, manifest: str
) -> None:
    (tmp_path / "agent.yaml").write_text(manifest)
    with pytest.raises(BuildProblem, match=r"agent\.yaml (cannot be read|names no agent|is larger than)"):
        agent_source(tmp_path)
