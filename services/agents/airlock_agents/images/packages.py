"""Where an image's software comes from: the machine's own suite of packages, and its own pip."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

INCLUDED = ("python3", "git")
_SLIM = (
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)
# Mirrors, proxies and their credentials are this machine's, and stay here.
_FORGET = 'rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/apt/apt.conf.d/99mmdebstrap'
_APT_CONFIG_SECONDS = 10
_PIP_SECONDS = 600
_SUITE_SECONDS = 900


class BuildProblem(Exception):
    """An image cannot be built: one line that says why and what to do."""


@dataclass(frozen=True)
class Suite:
    """The Debian or Ubuntu release of this machine, as mmdebstrap is to install it."""

    name: str
    command: tuple[str, ...]
    sources: str

    @property
    def content(self) -> str:
        """Hash over what decides its content; the packages' versions move beneath it, as any suite's do."""
        text = "\n".join(["airlock-suite-1", *self.command[1:], self.sources])
        return hashlib.sha256(text.encode()).hexdigest()

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Run mmdebstrap and give its finished tarball. Raises BuildProblem when it fails.

        Finished, because the engine would take a broken one for a small suite.
        """
        with (
            tempfile.TemporaryFile() as tarball,
            tempfile.TemporaryFile() as log,
            # The name's ending tells mmdebstrap that this is deb822.
            tempfile.NamedTemporaryFile(suffix=".sources") as listing,
        ):
            listing.write(self.sources.encode())
            listing.flush()
            try:
                done = subprocess.run(  # noqa: S603 - the list is ours
                    [*self.command, listing.name],
                    stdout=tarball,
                    stderr=log,
                    timeout=_SUITE_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise BuildProblem(f"mmdebstrap took more than {_SUITE_SECONDS} s") from error
            if done.returncode != 0:
                log.seek(0)
                tail = log.read()[-1500:].decode(errors="replace")
                raise BuildProblem(f"mmdebstrap failed (exit {done.returncode}):\n{tail}")
            tarball.seek(0)
            yield tarball


def suite_tarball(include: Sequence[str] = INCLUDED) -> Suite:
    """Describe this machine's own suite, with some of its packages, for mmdebstrap.

    Raises BuildProblem where there is none.
    """
    release = _os_release()
    suite = release.get("VERSION_CODENAME", "")
    if release.get("ID") not in ("debian", "ubuntu") or not re.fullmatch(r"[a-z]{2,32}", suite):
        raise BuildProblem(
            "this machine is neither Debian nor Ubuntu: give a base image, "
            "as in AIRLOCK_BASE_IMAGE=python:3.12-slim or --base python:3.12-slim"
        )
    if shutil.which("mmdebstrap") is None:
        raise BuildProblem(
            "mmdebstrap is missing: apt-get install mmdebstrap, "
            "or give a base image: --base python:3.12-slim (AIRLOCK_BASE_IMAGE)"
        )
    sources = _suite_sources(Path("/etc/apt"), suite)
    if not sources:
        raise BuildProblem(f"/etc/apt names no source of {suite}: give a base image with --base")
    options = _apt_options()
    mode = "root" if os.geteuid() == 0 else "unshare"
    command = (
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--mode={mode}",
        f"--include={','.join(include)}",
        *_SLIM,
        *(f"--aptopt={option}" for option in options),
        f"--customize-hook={_FORGET}",
        suite,
        "-",
    )
    return Suite(name=suite, command=command, sources=sources)


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip('"') for key, _, value in pairs}


def _apt_options() -> list[str]:
    """How this machine's apt reaches its mirrors (proxies, certificates): mmdebstrap reads none of it."""
    command = ["apt-config", "dump", "--no-empty", "--format", '%f "%v";%n', "Acquire"]
    done = subprocess.run(  # noqa: S603 - the list is ours
        command, capture_output=True, text=True, timeout=_APT_CONFIG_SECONDS, check=False
    )
    lines = (line.strip() for line in done.stdout.splitlines())
    return [line for line in lines if re.match(r"Acquire::https?::[^:]", line)]


def _suite_sources(folder: Path, suite: str) -> str:
    """The machine's own apt sources of this suite and its updates, and no third party's.

    One-line sources are written as deb822, so that one text holds both kinds.
    """
    wanted = {suite, f"{suite}-updates", f"{suite}-security"}
    stanzas: list[str] = []
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
            fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
            suites = set(fields.get("suites", "").split())
            if suites and suites <= wanted and fields.get("enabled", "yes") == "yes":
                stanzas.append("\n".join(lines))
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        if not path.is_file():
            continue
        for line in path.read_text().splitlines():
            found = re.fullmatch(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)", line.strip())
            if found is None or found[3] not in wanted:
                continue
            signed = re.search(r"signed-by=(\S+)", found[1] or "")
            stanza = f"Types: deb\nURIs: {found[2]}\nSuites: {found[3]}\nComponents: {found[4]}"
            stanzas.append(stanza + (f"\nSigned-By: {signed[1]}" if signed else ""))
    return "\n\n".join(stanzas) + "\n" if stanzas else ""


_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBCS = ("2_34", "2_31", "2_28", "2_24", "2_17", "2_12", "2_5")


@contextmanager
def fetch_packages(requirements: Path, *, python: str, architecture: str) -> Iterator[Path]:
    """Install locked wheels for a container's Python into a temporary folder. Raises BuildProblem.

    Only wheels, only with hashes: nothing of theirs is executed on this machine.
    """
    machine = _MACHINES.get(architecture, architecture)
    with tempfile.TemporaryDirectory(prefix="airlock-site-") as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-compile",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={python}",
            *(f"--platform=manylinux_{glibc}_{machine}" for glibc in _GLIBCS),
            f"--platform=manylinux2014_{machine}",
            f"--platform=linux_{machine}",
            f"--target={folder}",
            f"--requirement={requirements}",
        ]
        try:
            done = subprocess.run(  # noqa: S603 - the list is ours
                command, capture_output=True, timeout=_PIP_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BuildProblem(f"{requirements}: pip took more than {_PIP_SECONDS} s") from error
        if done.returncode != 0:
            said = done.stderr[-1500:].decode(errors="replace").strip()
            raise BuildProblem(f"{requirements}: pip failed:\n{said}")
        yield Path(folder)
