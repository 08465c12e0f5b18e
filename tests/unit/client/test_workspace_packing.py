"""A folder becomes a workspace: what git would ignore stays out, and nothing is followed."""

import subprocess
import tarfile
from pathlib import Path

import pytest
from airlock_client.workspaces import list_files, pack_folder
from airlock_sdk import WorkspaceError


def put(folder: Path, name: str, text: str = "") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


TREE = {
    ".gitignore": "*.log\n/build/\n!keep.log\ndocs/*.tmp\n**/cache/\n",
    "a.log": "",
    "keep.log": "",
    "build/out.py": "",
    "sub/build/kept.py": "",
    "sub/deep/b.log": "",
    "docs/x.tmp": "",
    "docs/deep/y.tmp": "",
    "sub/cache/z.py": "",
    "sub/.gitignore": "*.py\n!important.py\n",
    "sub/other.py": "",
    "sub/important.py": "",
    "sub/deep/important.py": "",
    "sub/deep/.gitignore": "important.py\n",
    "main.py": "",
}


def test_it_packs_what_git_itself_would_list(tmp_path: Path) -> None:
    for name, text in TREE.items():
        put(tmp_path, name, text)
    git = ["git", "-c", "core.excludesFile=/dev/null", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    listed = subprocess.run(
        [*git, "ls-files", "--others", "--exclude-standard"], check=True, capture_output=True, text=True
    )
    assert sorted(list_files(tmp_path)) == sorted(listed.stdout.splitlines())


def test_a_file_in_an_ignored_folder_cannot_be_taken_back(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "secret/\n!secret/key.py\n")
    put(tmp_path, "secret/key.py")
    assert list(list_files(tmp_path)) == [".gitignore"]


def test_links_are_named_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "passwords.txt", "hunter2")
    folder = tmp_path / "repository"
    put(folder, "main.py", "print()")
    (folder / "leak").symlink_to(outside)
    (folder / "leak.txt").symlink_to(outside / "passwords.txt")
    packed = pack_folder(folder)
    try:
        assert sorted(packed.skipped) == ["leak", "leak.txt"]
        assert packed.files == 1
        assert b"hunter2" not in packed.path.read_bytes()
        with tarfile.open(packed.path) as archive:
            assert [member.name for member in archive.getmembers() if member.isfile()] == ["main.py"]
    finally:
        packed.path.unlink()


def test_a_linked_gitignore_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere", "*.py\n")
    folder = tmp_path / "repository"
    put(folder, "main.py")
    (folder / ".gitignore").symlink_to(tmp_path / "elsewhere")
    assert "main.py" in list(list_files(folder))


def test_a_repositorys_own_records_stay_out(tmp_path: Path) -> None:
    put(tmp_path, ".git/config", "token")
    put(tmp_path, "main.py")
    assert list(list_files(tmp_path)) == ["main.py"]


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    put(tmp_path, "main.py", "print()")
    first, second = pack_folder(tmp_path), pack_folder(tmp_path)
    try:
        assert first.path.read_bytes() == second.path.read_bytes()
    finally:
        first.path.unlink()
        second.path.unlink()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    put(tmp_path, "main.py")
    with pytest.raises(NotADirectoryError):
        pack_folder(tmp_path / "main.py")


def test_what_is_too_large_names_the_largest_in_it_and_what_leaves_it_out(tmp_path: Path) -> None:
    put(tmp_path, "main.py", "1")
    for name, count in (("node_modules/deep/a.bin", 200 * 2**20), ("data/b.bin", 100 * 2**20)):
        put(tmp_path, name)
        with (tmp_path / name).open("wb") as file:
            file.truncate(count)  # takes no room
    with pytest.raises(WorkspaceError, match=r"node_modules/ 200\.0 MiB, data/ 100\.0 MiB, main\.py 1 B"):
        pack_folder(tmp_path)
