"""The stack's nats-server, from the configuration that Compose mounts and the secrets that the script makes."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from airlock_client.embedded.server import free_port
from stack_nats import CONFIGURATION, StackNats, configured

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def secrets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What infra/local/secrets.sh makes, in a folder of its own."""
    place = tmp_path_factory.mktemp("secrets")
    subprocess.run(
        [ROOT / "infra/local/secrets.sh", "host-h1"],
        env=os.environ | {"AIRLOCK_SECRETS": str(place / "kept"), "AIRLOCK_ENV_FILE": str(place / ".env")},
        check=True,
        capture_output=True,
        timeout=30,
    )
    return place / "kept"


@pytest.fixture(scope="session")
def stack_nats(secrets_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackNats]:
    """nats-server on infra/nats/nats.conf, with a user more for one host alone."""
    root = tmp_path_factory.mktemp("nats")
    for folder in ("etc/nats", "run/secrets", "data"):
        (root / folder).mkdir(parents=True)
    shutil.copy(secrets_folder / "nats-passwords", root / "run/secrets")
    port = free_port()
    (root / "etc/nats/users.conf").write_text(configured(hosts={"h1": "default"}))
    (root / "etc/nats/nats.conf").write_text(CONFIGURATION.at(root / "data", port))
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    with (root / "log").open("wb") as log:
        server = subprocess.Popen([program, "--config", root / "etc/nats/nats.conf"], stderr=log)
    try:
        yield StackNats(port, secrets_folder, root / "log", server)
    finally:
        server.terminate()
        server.wait(20)
