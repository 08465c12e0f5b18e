"""Compose reads the whole file, with what stands in .env.example and with what people may change."""

import os
import subprocess
from collections.abc import Mapping
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


def settings(place: Path, changed: Mapping[str, str]) -> Path:
    """.env.example, with some of its lines changed as a reader changes them."""
    example = (ROOT / ".env.example").read_text()
    for name, value in changed.items():
        line = next(line for line in example.splitlines() if line.startswith(f"# {name}="))
        example = example.replace(f"{line}\n", f"{name}={value}\n")
    (place / ".env").write_text(example)
    return place / ".env"


def test_what_stands_in_the_file_of_settings_reaches_the_process(tmp_path: Path) -> None:
    changed = {
        "AIRLOCK_RATE_READ": "7",
        "AIRLOCK_SLOTS": "3",
        "AIRLOCK_NATS_IMAGE": "nats:2@sha256:" + "0" * 64,
    }
    services = config(settings(tmp_path, changed), *PROFILES)["services"]
    for suffix in ("", "-dev"):
        assert services[f"orchestration{suffix}"]["environment"]["AIRLOCK_RATE_READ"] == "7"
        assert services[f"agent-host{suffix}"]["environment"]["AIRLOCK_SLOTS"] == "3"
    assert services["nats"]["image"] == changed["AIRLOCK_NATS_IMAGE"]


def test_hosts_of_another_pool_are_another_user_at_nats_with_that_ones_password(tmp_path: Path) -> None:
    changed = {
        "AIRLOCK_POOL": "gpu",
        "AIRLOCK_NATS_HOST_USER": "host-gpu",
        "AIRLOCK_NATS_USERS": "./secrets/nats-users.conf",
        "AIRLOCK_SUBJECT_PREFIX": "acme",
    }
    read = config(settings(tmp_path, changed), *PROFILES)
    for name in ("agent-host", "agent-host-dev"):
        variables = read["services"][name]["environment"]
        assert (variables["AIRLOCK_POOL"], variables["AIRLOCK_NATS_USER"]) == ("gpu", "host-gpu")
        assert variables["AIRLOCK_SUBJECT_PREFIX"] == "acme"
    assert read["secrets"]["nats-host"]["file"].endswith("/infra/secrets/nats-host-gpu")
    mounted = [volume for volume in read["services"]["nats"]["volumes"] if "/etc/nats/users.conf" in volume]
    assert mounted == [f"{ROOT}/infra/secrets/nats-users.conf:/etc/nats/users.conf:ro"]
