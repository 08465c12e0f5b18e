"""Compose reads the whole file, with what stands in .env.example and with what people may change."""

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROFILES = ("core", "observability", "dev")


def config(env: Path, *profiles: str) -> dict[str, Any]:
    """The file as Compose understands it."""
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    done = subprocess.run(
        ["docker-compose", "--env-file", env, "--file", ROOT / "infra" / "compose.yaml", *chosen, "config"],
        env={name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    read: dict[str, Any] = yaml.safe_load(done.stdout)
    return read


def test_compose_reads_every_service_of_every_profile() -> None:
    read = config(ROOT / ".env.example", *PROFILES)
    written = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text())
    assert set(read["services"]) == set(written["services"])
    for name, service in read["services"].items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"], name
        assert {"mem_limit", "cpus", "pids_limit", "logging"} <= set(service)


def test_what_stands_in_the_file_of_settings_reaches_the_process(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    changed = {
        "AIRLOCK_RATE_READ": "7",
        "AIRLOCK_SLOTS": "3",
        "AIRLOCK_NATS_IMAGE": "nats:2@sha256:" + "0" * 64,
    }
    for name, value in changed.items():
        line = next(line for line in example.splitlines() if line.startswith(f"# {name}="))
        example = example.replace(f"{line}\n", f"{name}={value}\n")
    (tmp_path / ".env").write_text(example)
    services = config(tmp_path / ".env", *PROFILES)["services"]
    for suffix in ("", "-dev"):
        assert services[f"orchestration{suffix}"]["environment"]["AIRLOCK_RATE_READ"] == "7"
        assert services[f"agent-host{suffix}"]["environment"]["AIRLOCK_SLOTS"] == "3"
    assert services["nats"]["image"] == changed["AIRLOCK_NATS_IMAGE"]
