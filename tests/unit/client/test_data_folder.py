"""The data folder of an install: who may work on it, and what it keeps."""

from pathlib import Path

import pytest
from airlock_client.embedded.errors import FolderInUse, FolderRefused
from airlock_client.local.folder import AIRLOCK_VERSION, DataFolder, NewerFolder


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_the_installs_id_is_made_once(tmp_path: Path) -> None:
    first = DataFolder(tmp_path / "data")
    install = first.claim()
    first.release()
    second = DataFolder(tmp_path / "data")
    assert second.claim() == install == second.install_id()
    second.release()


def test_a_folder_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("99.0.0\n")
    before = contents(tmp_path)
    with pytest.raises(NewerFolder, match=r"written by Airlock 99\.0\.0"):
        DataFolder(tmp_path).claim()
    assert contents(tmp_path) == before


def test_a_folder_of_an_older_version_is_taken_and_marked(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("0.0.1\n")
    folder = DataFolder(tmp_path)
    folder.claim()
    assert folder.written_by() == AIRLOCK_VERSION
    folder.release()


def test_a_folder_full_of_something_else_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FolderRefused, match="not an Airlock data folder"):
        DataFolder(tmp_path).claim()
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


def test_two_at_once_cannot_have_one_folder(tmp_path: Path) -> None:
    first = DataFolder(tmp_path / "data")
    first.claim()
    with pytest.raises(FolderInUse):
        DataFolder(tmp_path / "data").claim()
    first.release()


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.claim()
    assert folder.secret("nats-host", "s3cret").stat().st_mode & 0o777 == 0o600
    assert folder.admin_key.parent.stat().st_mode & 0o777 == 0o700
    folder.release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"version": 1}'])
def test_a_broken_state_file_means_that_nothing_runs(tmp_path: Path, text: str) -> None:
    (tmp_path / "airlock.json").write_text(text)
    assert DataFolder(tmp_path).state() is None
