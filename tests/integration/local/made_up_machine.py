"""A made-up machine for the set-up scripts: a copy of them, a PATH of chosen commands, stubs for the rest."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PLAIN_COMMANDS = """bash cat chmod cksum cp cut date dirname env flock grep mktemp mkdir readlink rm setsid
sha256sum sleep tail touch""".split()
DEBIAN = 'PRETTY_NAME="Debian"\nID=debian\n'

# The environment's Python: sound. It says what the engine command would say, and the scripts wait for `up`.
ENGINE = """#!/bin/bash
case "$*" in *airlock_agents*) ;; *) exit 0 ;; esac
if [ -e "$MACHINE/up" ]; then echo 'ok unix:///var/run/docker.sock 28.0.0'; exit 0; fi
cat "$MACHINE/said"; exit "$(cat "$MACHINE/code")"
"""
# A daemon that answers, until it is told to end.
DOCKERD = """#!/bin/bash
echo "dockerd starts" >&2
trap 'rm -f "$MACHINE/up"; kill $!; exit 0' TERM
sleep 300 &
touch "$MACHINE/up"
wait
"""
APT_GET = """#!/bin/bash
echo "$*" >>"$MACHINE/apt-get.calls"
case "$*" in *docker.io*) cp "$MACHINE/dockerd" "$MACHINE/bin/dockerd" ;; esac
"""


@dataclass
class Machine:
    """One made-up machine; `run` runs a script of infra/local on it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, name: str, text: str) -> None:
        """Put a command on the machine's PATH."""
        self.write(f"bin/{name}", text).chmod(0o755)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        """A file's text; nothing where there is none."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def becomes(self, *, root: bool, release: str = DEBIAN) -> None:
        self.command("id", f"#!/bin/bash\necho {0 if root else 1000}\n")
        self.write("os-release", release)

    def engine_says(self, code: int, line: str) -> None:
        self.write("code", str(code))
        self.write("said", f"{line}\n")

    def run(
        self, script: str, *arguments: str, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "infra" / "local" / script), *arguments],
            env=self.environment | dict(more or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def installed(self) -> list[str]:
        """What apt-get was asked for, one line per call."""
        return self.read("apt-get.calls").splitlines()


def make_machine(folder: Path) -> Machine:
    """Root on Debian, with neither Docker Engine nor mmdebstrap nor Python."""
    shutil.copytree(ROOT / "infra" / "local", folder / "infra" / "local")
    made = Machine(folder)
    (folder / "bin").mkdir()
    (folder / "run").mkdir()
    for name in PLAIN_COMMANDS:
        found = shutil.which(name)
        assert found is not None, f"{name} is not on this machine"
        (folder / "bin" / name).symlink_to(found)
    made.becomes(root=True)
    made.command("apt-get", APT_GET)
    made.write("dockerd", DOCKERD).chmod(0o755)
    made.write(".venv/bin/python", ENGINE).chmod(0o755)
    made.environment = {
        "PATH": str(folder / "bin"),
        "HOME": str(folder),
        "MACHINE": str(folder),
        "AIRLOCK_OS_RELEASE": str(folder / "os-release"),
        "AIRLOCK_SERVICE_POLICY": str(folder / "policy-rc.d"),
        "AIRLOCK_DOCKER_RUN": str(folder / "run"),
        "AIRLOCK_DOCKER_LOG": str(folder / "dockerd.log"),
        "AIRLOCK_DOCKER_PATIENCE": "10",
    }
    return made
