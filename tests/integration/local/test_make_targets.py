"""The Makefile hands on what it is given, keeps exit codes, and leaves the last word to the command."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_up_machine import Machine

ROOT = Path(__file__).resolve().parents[3]
AIRLOCK = """#!/bin/bash
echo "$* on ${WORKSPACE-the sample}, ${DECISION-asks}"
echo "SUCCESS 0"
exit "${CODE:-0}"
"""
STAMP = """. infra/local/machine.sh
echo "$(hash_of requirements.lock) $(hash_of pyproject.toml) $PWD" >.venv/.airlock-stamp"""


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """A machine on which all is prepared: an engine that answers, mmdebstrap, a fitting environment."""
    for name in ("make", "awk", "find"):
        found = shutil.which(name)
        assert found is not None
        (machine.folder / "bin" / name).symlink_to(found)
    machine.command("mmdebstrap", "#!/bin/bash\n")
    machine.write("up", "")
    shutil.copy(ROOT / "Makefile", machine.folder)
    machine.write("requirements.lock", "one==1\n")
    machine.write("pyproject.toml", "")
    machine.write(".venv/bin/airlock", AIRLOCK).chmod(0o755)
    subprocess.run(["bash", "-c", STAMP], cwd=machine.folder, env=machine.environment, check=True)
    return machine


def make(machine: Machine, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run make in the machine's checkout."""
    return subprocess.run(
        ["make", *arguments],
        cwd=machine.folder,
        env=machine.environment | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_demo_has_the_last_word(ready: Machine) -> None:
    done = make(ready, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["demo on the sample, asks", "SUCCESS 0"]


@pytest.mark.parametrize("by", ["environment", "argument"])
def test_the_demo_is_told_its_workspace_and_decision(ready: Machine, by: str) -> None:
    given = {"WORKSPACE": "/tmp/a b", "DECISION": "REJECTED"}
    if by == "environment":
        done = make(ready, "demo", **given)
    else:
        done = make(ready, "demo", *(f"{name}={value}" for name, value in given.items()))
    assert done.stdout.splitlines()[0] == "demo on /tmp/a b, REJECTED"


def test_the_demos_exit_code_is_makes(ready: Machine) -> None:
    assert make(ready, "demo", CODE="2").returncode == 2


def test_without_an_engine_the_demo_does_not_begin(ready: Machine) -> None:
    (ready.folder / "up").unlink()
    ready.engine_says(5, "Docker Engine permission denied. Join the group docker.")
    done = make(ready, "demo")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "airlock: Docker Engine permission denied. Join the group docker." in done.stderr.splitlines()


def test_what_is_ready_is_prepared_again_in_silence(ready: Machine) -> None:
    done = make(ready, "venv", "engine", "base-tools")
    # On a busy machine even looking takes a second, and a step that does says so.
    said = re.sub(r"^airlock: preparing .* took [0-9]+ s\n", "", done.stderr, flags=re.MULTILINE)
    assert (done.returncode, done.stdout, said) == (0, "", "")
    assert ready.installed == []


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_an_environment_whose_lock_or_project_changed_is_prepared_anew(ready: Machine, changed: str) -> None:
    ready.write(changed, "two==2\n")
    make(ready, "venv")
    after = ready.read(".venv/.airlock-stamp")
    assert after.count(" ") == 2
    (ready.folder / ".venv" / "airlock-install.log").unlink()
    make(ready, "venv")
    assert not (ready.folder / ".venv" / "airlock-install.log").exists()


def test_clean_removes_what_make_made_and_nothing_else(ready: Machine) -> None:
    ready.write("libs/sdk/__pycache__/x.pyc", "")
    ready.write(".airlock/data", "kept")
    ready.write(".mypy_cache/x", "")
    assert make(ready, "clean").returncode == 0
    assert not any(
        (ready.folder / name).exists() for name in (".venv", ".mypy_cache", "libs/sdk/__pycache__")
    )
    assert ready.read(".airlock/data") == "kept"
    assert ready.read("requirements.lock") == "one==1\n"
