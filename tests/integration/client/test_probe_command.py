"""`airlock probe` against an install whose engine keeps its word, and then does not."""

import json
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

        held = fresh.airlock("probe")
        assert held.returncode == 0, held.stdout + held.stderr
        count = re.fullmatch(r"probe: (\d+)/(\d+)", held.stdout.splitlines()[-1])
        assert count is not None
        assert int(count[1]) == int(count[2]) > 280
        assert re.search(r"^refused +memory +memory.exceeded", held.stdout, re.MULTILINE)
        assert re.search(r"^network: (\d+)/\1 ", held.stdout, re.MULTILINE)

        engine.forgets = True
        found = fresh.airlock("probe")
        assert found.returncode == 2, found.stdout + found.stderr
        assert found.stdout.splitlines()[-1] == f"probe: {int(count[1]) - 2}/{count[1]}"
        assert "limits is open" in found.stdout
        assert "112 processes were made, 48 are granted" in found.stdout
        assert re.search(r"how to mend it: .*docker info", found.stdout)

        document = fresh.airlock("probe", "--json")
        assert document.returncode == 2
        tries = json.loads(document.stdout)["tries"]
        names = {one["name"] for one in tries if one["verdict"] == "open"}
        assert names == {"processes", "processes, as the kernel states it"}

        elsewhere = fresh.airlock("probe", "--pool", "gpu")
        assert elsewhere.returncode == 1
        assert "no host of the pool gpu is up; there are: default" in elsewhere.stderr
        assert fresh.airlock("down").returncode == 0

    fresh.until_nothing_runs(5)
