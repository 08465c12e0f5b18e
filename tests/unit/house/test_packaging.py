"""What pyproject.toml asks for is what requirements.lock holds, whole and by hashes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ \\;]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The table [project] of pyproject.toml."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    table: dict[str, Any] = whole["project"]
    return table


@pytest.fixture(scope="module")
def lock() -> str:
    return (ROOT / "requirements.lock").read_text()


def test_the_lock_holds_a_fitting_version_of_all_that_is_asked_for(
    project: dict[str, Any], lock: str
) -> None:
    locked = {canonicalize_name(found["name"]): found["version"] for found in PIN.finditer(lock)}
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    asked = [Requirement(line) for lines in lists for line in lines]
    unmet = [
        str(requirement)
        for requirement in asked
        if requirement.name != project["name"]
        and not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"))
    ]
    assert unmet == [], "run make lock"


def test_every_locked_package_has_a_hash(lock: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    assert [
        block.splitlines()[0] for block in blocks if block.strip() and "--hash=sha256:" not in block
    ] == []


def test_the_development_extra_reaches_every_other(project: dict[str, Any]) -> None:
    extras: dict[str, list[str]] = project["optional-dependencies"]

    def reached(extra: str) -> set[str]:
        inner = {
            name
            for line in extras[extra]
            if (requirement := Requirement(line)).name == project["name"]
            for name in requirement.extras
        }
        return {extra}.union(*(reached(name) for name in inner))

    assert reached("dev") == set(extras)
