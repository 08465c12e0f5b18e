"""`airlock probe` against an install whose engine keeps its word, and then does not."""

import re
from typing import Any

import pytest
from forgetful_engine import ForgetfulEngine


@pytest.mark.timeout(180)
def test_an_engine_that_forgets_a_limit_is_found_out(fresh: Any) -> None:
    alone = fresh.airlock("probe")
    assert alone.returncode == 4
    assert "airlock up" in alone.stderr

    with ForgetfulEngine(b'PidsLimit": 48', b'PidsLimit": 0 ') as engine:
        up = fresh.airlock("up", "--detach", "--port", "0", more={"DOCKER_HOST": engine.address})
        assert up.returncode == 0, up.stdout + up.stderr

        held = fresh.ask("probe")
        assert held["held"] == held["tried"] == len(held["tries"]) > 280
        assert {one["verdict"] for one in held["tries"]} == {"refused", "absent", "held"}
        (memory,) = [one for one in held["tries"] if one["name"] == "memory"]
        assert memory["saw"].startswith("memory.exceeded")

        engine.forgets = True
        found = fresh.airlock("probe")
        assert found.returncode == 2, found.stdout + found.stderr
        assert found.stdout.splitlines()[-1] == f"probe: {held['held'] - 2}/{held['tried']}"
        assert re.search(r"^network: (\d+)/\1 ", found.stdout, re.MULTILINE)
        assert "limits is open" in found.stdout
        assert "  processes: 112 processes were made, 48 are granted" in found.stdout
        assert "  processes, as the kernel states it: processes: no limit" in found.stdout
        assert re.search(r"how to mend it: .*docker info", found.stdout)

        elsewhere = fresh.airlock("probe", "--pool", "gpu")
        assert elsewhere.returncode == 1
        assert "no host of the pool gpu is up; there are: default" in elsewhere.stderr
        assert fresh.airlock("down").returncode == 0

    fresh.until_nothing_runs(5)
