"""The stack's nats-server, from the configuration that Compose mounts and the secrets of the script."""

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from airlock_client.embedded.server import free_port
from stack_nats import CONFIGURATION, StackNats, configured

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def stack_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackNats]:
    """nats-server on infra/nats/nats.conf, with a user more for one host alone."""
    root = tmp_path_factory.mktemp("nats")
    for folder in ("etc/nats", "run", "data"):
        (root / folder).mkdir(parents=True)
    users = root / "etc/nats/users.conf"
    users.write_text(configured(hosts={"h1": "default"}))
    made = {
        "AIRLOCK_SECRETS": str(root / "run/secrets"),
        "AIRLOCK_ENV_FILE": str(root / ".env"),
        "AIRLOCK_NATS_USERS": str(users),
    }
    subprocess.run([ROOT / "infra/local/secrets.sh"], env=os.environ | made, check=True, timeout=30)
    port = free_port()
    (root / "etc/nats/nats.conf").write_text(CONFIGURATION.at(root / "data", port))
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    with (root / "log").open("wb") as log:
        server = subprocess.Popen([program, "--config", root / "etc/nats/nats.conf"], stderr=log)
    try:
        yield StackNats(port, root / "run/secrets", root / "log", server)
    finally:
        server.terminate()
        server.wait(20)
