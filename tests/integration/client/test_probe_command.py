"""`airlock probe` against an install whose engine keeps its word, and then does not."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from airlock_client.local.shipped import builtin_agents
from forgetful_engine import ForgetfulEngine

SOMEBODYS = """
name: airlock-probe
nodes:
  - id: tell
    agent: notifier
    action: notify
    inputs: {channel: console, severity: INFO, title: Mine, message: Not the probe's.}
"""


@contextmanager
def host_of_pool(install: Any, pool: str, engine: str) -> Iterator[None]:
    """A second host of the install, in another pool."""
    state = json.loads((install.data / "airlock.json").read_text())
    settings = {
        "AIRLOCK_API_URL": state["api_url"],
        "AIRLOCK_HOST_TOKEN_FILE": str(install.data / "keys" / "host.key"),
        "AIRLOCK_HOST_NAME": f"host-{pool}",
        "AIRLOCK_INSTALL": state["install"],
        "AIRLOCK_DATA_DIR": str(install.data / f"host-{pool}"),
        "AIRLOCK_POOL": pool,
        "AIRLOCK_NATS_URL": f"nats://127.0.0.1:{(install.data / 'nats' / 'port').read_text()}",
        "AIRLOCK_NATS_USER": "host",
        "AIRLOCK_NATS_PASSWORD_FILE": str(install.data / "secrets" / "nats-host"),
        "DOCKER_HOST": engine,
    }
    with (install.data / "logs" / f"host-{pool}.log").open("w") as log:
        host = subprocess.Popen(
            [sys.executable, "-m", "airlock_agents", "host"],
            env=install.environment | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            until = time.monotonic() + 60
            while not any(one["pool"] == pool and one["status"] == "UP" for one in install.ask("hosts")):
                assert host.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < until
            yield
        finally:
            host.terminate()
            host.wait(timeout=60)


def test_an_engine_that_forgets_a_limit_is_found_out(fresh: Any, tmp_path: Path) -> None:
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
        engine.forgets = False
        with host_of_pool(fresh, "gpu", engine.address):
            (manifest,) = [path for path in builtin_agents() if path.parent.name == "probe"]
            older = yaml.safe_load(manifest.read_text()) | {"name": "airlock-probe-in-gpu", "pool": "gpu"}
            (tmp_path / "older.yaml").write_text(json.dumps(older | {"description": "As an older build."}))
            (registered,) = fresh.ask("agents", "register", str(tmp_path / "older.yaml"))
            probed = fresh.ask("probe", "--pool", "gpu")
        assert (probed["host"], probed["held"]) == ("host-gpu", held["held"])
        assert probed["agent"].startswith(f"airlock-probe-in-gpu@{registered['version']}-")
        assert {"probe", "airlock-probe-in-gpu"} <= {agent["name"] for agent in fresh.ask("agents", "list")}

        # Names that somebody took are left alone, and what another build registered is not what is run.
        (tmp_path / "mine.yaml").write_text(SOMEBODYS)
        fresh.ask("workflows", "apply", str(tmp_path / "mine.yaml"))
        refused = fresh.airlock("probe")
        assert refused.returncode == 1
        assert "the workflow airlock-probe is not the probe's own, and was left alone: its" in refused.stderr
        assert fresh.ask("workflows", "show", "airlock-probe")["version"] == 2
        assert fresh.airlock("down").returncode == 0

    fresh.until_nothing_runs(5)
