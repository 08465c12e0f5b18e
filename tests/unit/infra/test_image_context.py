"""What a build of our images is sent, and what it installs."""

import re
from pathlib import Path

import pytest
from composed import ROOT
from docker.utils.build import exclude_paths

DOCKER = ROOT / "infra" / "docker"
LARGEST_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def context() -> list[Path]:
    """The files that .dockerignore leaves."""
    patterns = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    return [path for name in exclude_paths(str(ROOT), patterns) if (path := ROOT / name).is_file()]


def test_a_build_is_sent_a_small_part_of_the_checkout(context: list[Path]) -> None:
    sent = sum(path.stat().st_size for path in context)
    whole = sum(path.lstat().st_size for path in ROOT.rglob("*") if path.is_file() and not path.is_symlink())
    assert sent < min(whole / 5, LARGEST_BYTES)


def test_a_build_is_sent_no_secret_no_history_no_test_and_no_agent(context: list[Path]) -> None:
    names = [path.relative_to(ROOT).as_posix() for path in context]
    assert {"pyproject.toml", "infra/docker/orchestration.lock"} <= set(names)
    assert "services/agents/airlock_agents/host/app.py" in names
    unwanted = re.compile(
        r"^(\.(?!dockerignore)|tests/|infra/(?!docker/)|docs/|examples/)|/builtin/|__pycache__|\.env|\.key$"
    )
    assert [name for name in names if unwanted.search(name)] == []


@pytest.mark.parametrize("process", ["orchestration", "agent-host", "build"])
def test_an_image_installs_the_versions_that_are_tested_by_their_hashes(process: str) -> None:
    package = re.compile(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
    text = (DOCKER / f"{process}.lock").read_text()
    locked = package.findall(text)
    assert set(locked) <= set(package.findall((ROOT / "requirements.lock").read_text()))
    assert len(re.findall(r"^[a-z0-9-]+[^\n]* \\\n    --hash=sha256:", text, re.MULTILINE)) == len(locked) > 4


def test_the_dockerfile_has_three_stages_and_ends_as_nobody_with_an_init_and_a_check() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == 3
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 1001:1001$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["tini", "--", "start"]' in last
    assert "HEALTHCHECK" in last
    assert "pip" not in last
