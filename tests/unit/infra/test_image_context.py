"""What a build of our images is sent, and what it installs."""

import re
import subprocess
from pathlib import Path

import pytest
from composed import ROOT
from docker.utils.build import exclude_paths

DOCKER = ROOT / "infra" / "docker"
LARGEST_BYTES = 3 * 1024 * 1024


def git(*arguments: str) -> list[str]:
    """What git says of the checkout, by its NULs or lines."""
    command = ["git", "-c", "safe.directory=*", *arguments]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=30).stdout.decode()
    return [part for part in re.split(r"[\0\n]", said) if part]


def clone_bytes() -> int | None:
    """What a fresh clone weighs, with its history; None where not all of that is here.

    Not what tools made beside it: an environment of 500 MB would hide any growth.
    """
    if not (ROOT / ".git").exists() or git("rev-parse", "--is-shallow-repository") == ["true"]:
        return None
    history = git("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectsize:disk)")
    files = [path for name in git("ls-files", "-z") if (path := ROOT / name).is_file()]
    return sum(map(int, history)) + sum(path.stat().st_size for path in files)


@pytest.fixture(scope="module")
def context() -> list[Path]:
    """The files that .dockerignore leaves."""
    patterns = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    return [path for name in exclude_paths(str(ROOT), patterns) if (path := ROOT / name).is_file()]


def test_a_build_is_sent_less_than_a_fifth_of_a_fresh_clone(context: list[Path]) -> None:
    sent = sum(path.stat().st_size for path in context)
    assert sent < LARGEST_BYTES
    whole = clone_bytes()
    assert whole is None or sent < whole / 5


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
