"""Each rule of the house is shown a small bad tree, and says so."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import house_files
import house_reader
import pytest

ORCHESTRATION = "services/orchestration/airlock_orchestration"
AGENTS = "services/agents/airlock_agents"
CONTRACTS = "libs/contracts/airlock_contracts"
CHASSIS = "libs/chassis/airlock_chassis"
SDK = "libs/sdk/airlock_sdk"
CLIENT = "libs/client/airlock_client"

Build = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Writes a tree of files and gives their paths back."""

    def write(tree: Mapping[str, str]) -> list[str]:
        for path, text in tree.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return house_reader.tracked_files(tmp_path)

    return write


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (f"{CONTRACTS}/runs.py", "import airlock_chassis"),
        (f"{SDK}/agent.py", "from airlock_contracts import frames"),
        (f"{CLIENT}/rest.py", "import airlock_orchestration.app"),
        (f"{CHASSIS}/health.py", "import airlock_client"),
        (f"{ORCHESTRATION}/engine/step.py", "from airlock_orchestration.store import runs"),
        (f"{ORCHESTRATION}/engine/step.py", "from ..settings import Settings"),
        (f"{ORCHESTRATION}/store/runs.py", "from airlock_orchestration.operations import advance"),
        (f"{ORCHESTRATION}/api/runs.py", "from airlock_orchestration.workers import sweeper"),
        (f"{ORCHESTRATION}/workers/sweeper.py", "def late() -> None:\n    import airlock_orchestration.app"),
        (f"{ORCHESTRATION}/operations/runs.py", "import airlock_agents.host"),
        (f"{AGENTS}/sandbox/docker.py", "from airlock_agents.host import pipeline"),
        (f"{AGENTS}/sandbox/docker.py", "from .. import settings"),
        (f"{AGENTS}/sandbox/docker.py", "from ..images import builder"),
        (f"{AGENTS}/images/builder.py", "from ..upkeep import purge"),
        (f"{AGENTS}/host/app.py", "from ..images import builder"),
        (f"{AGENTS}/host/pipeline.py", "import airlock_orchestration"),
        (f"{AGENTS}/builtin/patcher/agent.py", "import airlock_contracts"),
    ],
)
def test_an_import_that_goes_up_or_across_is_named(
    tmp_path: Path, build: Build, path: str, line: str
) -> None:
    files = build({path: line, f"{AGENTS}/settings.py": "", f"{ORCHESTRATION}/settings.py": ""})
    breaks = house_reader.floor_breaks(house_reader.read_modules(tmp_path, files))
    assert len(breaks) == 1
    assert breaks[0].startswith(f"{path}:")


def test_imports_that_go_down_are_welcome(tmp_path: Path, build: Build) -> None:
    files = build(
        {
            f"{ORCHESTRATION}/__main__.py": "from airlock_orchestration.app import serve",
            f"{ORCHESTRATION}/app.py": "from .api import runs\nfrom fastapi import FastAPI\nserve = FastAPI",
            f"{ORCHESTRATION}/api/runs.py": "from ..operations import runs\nfrom fastapi import APIRouter",
            f"{ORCHESTRATION}/operations/runs.py": "from ..store import runs\nfrom ..errors import NotFound",
            f"{ORCHESTRATION}/store/runs.py": "import asyncpg\nfrom airlock_contracts import runs",
            f"{ORCHESTRATION}/errors.py": "class NotFound(Exception): ...",
            f"{CONTRACTS}/runs.py": "from pydantic import BaseModel",
            f"{AGENTS}/builtin/security-scanner/agent.py": "import airlock_sdk, bandit, findings",
            f"{AGENTS}/builtin/security-scanner/findings.py": "import json",
        }
    )
    modules = house_reader.read_modules(tmp_path, files)
    assert house_reader.floor_breaks(modules) == []
    assert house_reader.home_breaks(modules) == []
    assert house_reader.circles(modules) == []
    assert house_reader.impurities(modules) == []


def test_a_module_on_no_floor_is_named(tmp_path: Path, build: Build) -> None:
    modules = house_reader.read_modules(tmp_path, build({f"{ORCHESTRATION}/attic.py": ""}))
    assert "stands on no floor" in house_reader.floor_breaks(modules)[0]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (f"{ORCHESTRATION}/operations/runs.py", "from fastapi import HTTPException"),
        (f"{ORCHESTRATION}/operations/runs.py", "import asyncpg"),
        (f"{ORCHESTRATION}/workers/reports.py", "import nats.js"),
        (f"{ORCHESTRATION}/engine/values.py", "import pydantic"),
        (f"{AGENTS}/host/pipeline.py", "import docker.errors"),
        (f"{AGENTS}/sandbox/docker.py", "import httpx2"),
        (f"{AGENTS}/builtin/notifier/agent.py", "import bandit"),
        (f"{CONTRACTS}/runs.py", "import orjson"),
        (f"{SDK}/frames.py", "import pydantic"),
        (f"{CLIENT}/rest.py", "import requests"),
        (f"{CHASSIS}/telemetry.py", "import never_heard_of_it"),
    ],
)
def test_a_third_party_outside_its_home_is_named(tmp_path: Path, build: Build, path: str, line: str) -> None:
    breaks = house_reader.home_breaks(house_reader.read_modules(tmp_path, build({path: line})))
    assert len(breaks) == 1
    assert breaks[0].startswith(f"{path}:1: ")


def test_an_evaluator_wrapped_twice_is_named(tmp_path: Path, build: Build) -> None:
    files = build(
        {
            f"{ORCHESTRATION}/engine/schemas.py": "import jsonschema_rs",
            f"{ORCHESTRATION}/engine/templates.py": "import jsonschema_rs",
        }
    )
    breaks = house_reader.home_breaks(house_reader.read_modules(tmp_path, files))
    assert "more than one module" in breaks[0]


@pytest.mark.parametrize(
    "body",
    [
        "import time",
        "import random",
        "from os import environ",
        "from urllib import request",
        "async def step() -> None: ...",
        "import datetime\nwhen = datetime.datetime.now(datetime.UTC)",
        "import uuid\nwho = uuid.uuid4()",
        "from uuid import uuid4\nwho = uuid4()",
        "text = open('rules').read()",
    ],
)
def test_a_core_that_is_not_pure_is_named(tmp_path: Path, build: Build, body: str) -> None:
    modules = house_reader.read_modules(tmp_path, build({f"{ORCHESTRATION}/engine/step.py": body}))
    assert len(house_reader.impurities(modules)) == 1


def test_a_circle_hidden_in_a_function_is_named_once(tmp_path: Path, build: Build) -> None:
    files = build(
        {
            f"{CHASSIS}/one.py": "from airlock_chassis.two import second",
            f"{CHASSIS}/two.py": "from . import three",
            f"{CHASSIS}/three.py": "def late() -> None:\n    from airlock_chassis import one",
            f"{CHASSIS}/four.py": "from airlock_chassis import one",
        }
    )
    found = house_reader.circles(house_reader.read_modules(tmp_path, files))
    assert found == ["import circle: airlock_chassis.one <-> airlock_chassis.three <-> airlock_chassis.two"]


def test_a_file_over_the_limit_is_named_and_one_at_the_limit_is_not(tmp_path: Path, build: Build) -> None:
    files = build({"tests/unit/test_long.py": "x = 1\n" * 401, f"{SDK}/just.py": "x = 1\n" * 400})
    assert [found.split(":")[0] for found in house_files.long_files(tmp_path, files)] == [
        "tests/unit/test_long.py"
    ]


@pytest.mark.parametrize("name", ["utils.py", "date_utils.py", "helpers/dates.py", "run_manager.py"])
def test_a_name_that_says_nothing_is_named(build: Build, name: str) -> None:
    files = build({f"{CHASSIS}/{name}": "", "examples/shop/utils.py": ""})
    assert house_files.nameless_files(files) == [f"{CHASSIS}/{name}: name it for what it is"]


@pytest.mark.parametrize(
    ("face", "said"),
    [
        ('from .run import b, a\n__all__ = ["b", "a"]', "not sorted"),
        ('a = 1\n__all__ = ["a", "a"]', "twice"),
        ('a = 1\n__all__ = ["a", "b"]', "promises b"),
    ],
)
def test_a_broken_promise_is_named(tmp_path: Path, build: Build, face: str, said: str) -> None:
    breaks = house_files.promises(tmp_path, build({f"{SDK}/__init__.py": face}))
    assert len(breaks) == 1
    assert said in breaks[0]


def test_a_path_of_one_machine_and_a_registry_are_named(tmp_path: Path, build: Build) -> None:
    files = build(
        {
            "docs/one.md": "Look in /" + "work/main for it.\nAll well: https://example.com/work/main",
            "infra/two.sh": "pip install --index-url https://" + "pypi." + "org/simple",
            "requirements.lock": "a @ https://example.com/a.whl",
            f"{AGENTS}/builtin/patcher/requirements.txt": "-i https://example.com/simple",
        }
    )
    found = [line.split(": ")[0] for line in house_files.unwelcome_words(tmp_path, files)]
    assert found == [
        "docs/one.md:1",
        "infra/two.sh:1",
        "requirements.lock",
        f"{AGENTS}/builtin/patcher/requirements.txt",
    ]


def test_tests_that_share_a_name_or_skip_are_named(tmp_path: Path, build: Build) -> None:
    files = build(
        {
            "tests/unit/a/test_one.py": "import pytest\n\n@pytest.mark." + "skip\ndef test_x() -> None: ...",
            "tests/unit/b/test_one.py": "",
            "tests/unit/b/__init__.py": "",
        }
    )
    assert len(house_files.untidy_tests(tmp_path, files)) == 3


def test_only_what_git_does_not_ignore_is_read(tmp_path: Path, build: Build) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert build({".gitignore": ".venv/\n", ".venv/utils.py": "", "new.py": ""}) == [".gitignore", "new.py"]
