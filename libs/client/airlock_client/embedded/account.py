"""The unprivileged user that Postgres runs as when we are root, and what that user can reach.

Postgres refuses to run as root. The user is, in this order: the owner of an existing database; the account
`airlock`; the account `postgres`; a system account `airlock` made on the spot. Never `nobody`: agents'
sandboxes run with that number, and the database must not share a user with them.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path

from airlock_client.embedded.errors import EmbeddedError, FolderRefused
from airlock_client.embedded.process import Account

_ACCOUNTS = ("airlock", "postgres")


def default_data_dir() -> Path:
    """Where data goes unless told otherwise: `/var/lib/airlock` as root, whose home is closed to the server's
    account, else `~/.local/share/airlock`.
    """
    return Path("/var/lib/airlock") if os.geteuid() == 0 else Path.home() / ".local/share/airlock"


def server_account(database: Path) -> Account | None:
    """The account to run as, or None for our own (we are not root). Raises EmbeddedError."""
    if os.geteuid() != 0:
        return None
    if database.exists() and (owner := database.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return _make_account(_ACCOUNTS[0])


def _make_account(name: str) -> Account:
    command = [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        name,
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)  # noqa: S603
        entry = pwd.getpwnam(name)
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        raise EmbeddedError(
            "Postgres does not run as root, and the system account for it could not be made: "
            f"run as another user, or run `{' '.join(command)}` and try again"
        ) from error
    return Account(entry.pw_uid, entry.pw_gid)


def closed_parent(path: Path, account: Account) -> Path | None:
    """The first folder above `path` that `account` may not pass through, or None if the way is open.

    Folders that do not exist yet are `own_folder`'s to make, and open.
    """
    for folder in reversed(path.resolve().parents):
        if folder.exists() and not _allows(folder.stat(), account, stat.S_IXUSR):
            return folder
    return None


def is_readable(path: Path, account: Account) -> bool:
    """Whether `account` can reach and read the file at `path`."""
    return closed_parent(path, account) is None and _allows(path.stat(), account, stat.S_IRUSR)


def own_folder(path: Path) -> None:
    """Make a data folder for us alone; root's lets the server's account pass to what it owns below.

    Raises FolderRefused when the folder belongs to somebody else.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            folder.mkdir(mode=mode)
            folder.chmod(mode)
    if (owner := path.stat().st_uid) != os.geteuid():
        raise FolderRefused(f"{path} belongs to user {owner}, not to us: choose another data folder")
    path.chmod(mode)


def give_folder(path: Path, account: Account | None) -> None:
    """Make a folder that only the server's account can use."""
    path.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700)


def _allows(what: os.stat_result, account: Account, owner_bit: int) -> bool:
    if what.st_uid == account.uid:
        return bool(what.st_mode & owner_bit)
    if what.st_gid == account.gid:
        return bool(what.st_mode & owner_bit >> 3)
    return bool(what.st_mode & owner_bit >> 6)
