"""What doctor is told about an engine: each part by itself, also when one of them fails."""

import subprocess
import sys
import time
import uuid
from dataclasses import replace
from typing import Any

import pytest
from airlock_agents.images.agent_sources import builtin_agents
from airlock_agents.images.builder import ImageBuilder
from airlock_agents.sandbox.engine import Engine, connect
from airlock_agents.upkeep.diagnosis import diagnose
from forgetful_engine import ForgetfulEngine


@pytest.fixture
def no_blocking_call() -> None:
    """A command that may wait."""


def diagnosed(engine: Engine, told: bytes, heard: bytes) -> dict[str, Any]:
    """Facts about an engine that hears some words wrongly."""
    with ForgetfulEngine(told, heard) as other:
        other.forgets = True
        address = replace(engine.address, host=other.address)
        return diagnose(replace(engine, address=address), "doctor-test", None)


def test_an_engine_that_refuses_our_profile_fails_at_the_limits_alone(
    engine: Engine, base_image: str
) -> None:
    facts = diagnosed(engine, b"SCMP_ACT_ALLOW", b"SCMP_ACT_WRONG")
    assert "SCMP_ACT_WRONG" in facts["limits"]["problem"] or "seccomp" in facts["limits"]["problem"]
    assert facts["engine"]["version"] == engine.version
    assert facts["images"][0] == {"tag": "airlock-base", "present": True, "current": True}
    assert facts["containers"] == []


def test_a_question_that_is_not_answered_hides_no_other(engine: Engine, base_image: str) -> None:
    facts = diagnosed(engine, b"/networks", b"/netwoXXX")
    assert "problem" in facts["engine"]
    assert facts["limits"]["killed_for_memory"]
    assert facts["leftovers"]["images"] >= 0


def test_looking_builds_nothing_and_agrees_with_what_building_would_do(
    engine: Engine, base_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageBuilder, "build_base", None)  # nobody may even begin
    states = {one["tag"]: one for one in diagnose(engine, None, None)["images"]}
    assert states["airlock-base"]["current"]
    assert set(states) == {"airlock-base", *(agent.image for agent in builtin_agents())}


_LOOK_LONG = """
import os, pathlib, sys
from airlock_agents.sandbox.engine import find_engine
from airlock_agents.upkeep import diagnosis
diagnosis._FORKS = "import time; time.sleep(60)"
diagnosis.diagnose(find_engine(os.environ, pathlib.Path.home()), sys.argv[1], None)
"""


def test_a_look_that_is_killed_leaves_no_container(engine: Engine, base_image: str) -> None:
    install = f"doctor-{uuid.uuid4().hex[:8]}"
    client = connect(engine)
    looking = subprocess.Popen([sys.executable, "-c", _LOOK_LONG, install])

    def wait_for(count: int) -> None:
        until = time.monotonic() + 60
        while len(client.containers(all=True, filters={"label": f"airlock.install={install}"})) != count:
            assert time.monotonic() < until
            time.sleep(0.1)

    try:
        wait_for(1)
        looking.kill()
        looking.wait()
        wait_for(0)
    finally:
        looking.kill()
        looking.wait()
        client.close()
