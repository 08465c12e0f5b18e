"""A folder becomes a workspace: what git tracks is in it, what git ignores stays out, nothing is followed."""

import os
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from airlock_client.show.packed import left_out
from airlock_client.working_tree import Listing, list_folder
from airlock_client.workspaces import pack_folder
from airlock_sdk import WorkspaceError
from work_trees import git, put, tracked_by_git, work_tree

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


INDEX_OF_ONE = (
    struct.pack(">4sII", b"DIRC", 2, 1)
    + bytes(24)
    + struct.pack(">I", 0o100644)
    + bytes(32)
    + struct.pack(">H", 14)
    + b"data/deep/file".ljust(18, b"\0")
    + bytes(20)
)


def listed(folder: Path) -> set[str]:
    return set(list_folder(folder).paths)


def listed_by_git(folder: Path) -> set[str]:
    git_says = git(
        folder, "-c", "core.excludesFile=/dev/null", "ls-files", "-z", "--others", "--exclude-standard"
    )
    return tracked_by_git(folder) | set(git_says.split("\0")) - {""}


def test_it_packs_what_git_itself_would_list(tmp_path: Path) -> None:
    for name, text in TREE.items():
        put(tmp_path, name, text)
    git(tmp_path, "init", "-q")
    assert listed(tmp_path) == listed_by_git(tmp_path)
    assert list_folder(tmp_path).ignored == {
        "a.log": 1,
        "build/": 1,
        "docs/x.tmp": 1,
        "sub/build/kept.py": 1,  # by the rules of sub
        "sub/cache/": 1,
        "sub/deep/b.log": 1,
        "sub/deep/important.py": 1,
        "sub/other.py": 1,
    }
    assert sum(list_folder(tmp_path).ignored.values()) == len(TREE) - len(listed(tmp_path))


def test_what_is_tracked_is_packed_whatever_the_repository_says(tmp_path: Path) -> None:
    rules = {
        ".gitignore": "backdoor.py\n/deploy/\n/.gitignore\n",
        "deploy/.gitignore": "*\n",
        "all/.gitignore": "*\n",
        ".git/info/exclude": "*\n",
    }
    names = (
        "backdoor.py",
        "deploy/install.sh",
        "deploy/deep/er/a.js",
        "all/b.py",
        ".svn/run.sh",
        ".hg/store/c.sh",
    )
    work_tree(tmp_path, *names)
    for name, text in rules.items():
        put(tmp_path, name, text)
    git(tmp_path, "add", "--force", ".gitignore", "deploy/.gitignore", "all/.gitignore")
    put(tmp_path, "deploy/built.js")
    put(tmp_path, ".hg/requires")
    put(tmp_path, ".svn/wc.db")
    assert tracked_by_git(tmp_path) == {*names, *rules} - {".git/info/exclude"}
    assert listed(tmp_path) >= tracked_by_git(tmp_path)
    assert list_folder(tmp_path).ignored == {"deploy/": 1}
    packed = pack_folder(tmp_path)
    try:
        with tarfile.open(packed.path) as archive:
            assert {one.name for one in archive if one.isfile()} >= tracked_by_git(tmp_path)
    finally:
        packed.path.unlink()


def test_a_folder_within_a_work_tree_is_asked_for_at_its_root(tmp_path: Path) -> None:
    work_tree(tmp_path, "app/backdoor.py", "app/deep/flaw.py", "app.py")
    put(tmp_path, "app/.gitignore", "*.py\n")
    put(tmp_path, "app/made.py")
    assert list_folder(tmp_path / "app") == Listing(
        (".gitignore", "backdoor.py", "deep/flaw.py"), {"made.py": 1}, ()
    )
    (tmp_path / "linked").symlink_to("app")
    assert list_folder(tmp_path / "linked") == list_folder(tmp_path / "app")


def test_a_submodule_is_packed_by_its_own_index_also_where_a_rule_names_it(tmp_path: Path) -> None:
    library, folder = tmp_path / "library", tmp_path / "repository"
    work_tree(library, "flaw.py", "hidden/flaw.py")
    put(library, ".gitignore", "hidden/\nmade.py\n")
    git(library, "add", ".gitignore")
    git(library, "commit", "-qm", "One")
    work_tree(folder, "main.py")
    put(folder, ".gitignore", "/lib/\nmain.py\n*.py\n")
    options = ("-c", "protocol.file.allow=always")
    git(folder, *options, "submodule", "--quiet", "add", "--force", str(library), "lib/library")
    put(folder, "lib/library/made.py")
    put(folder, "lib/library/new.py")
    put(folder, "lib/built.py")
    listing = list_folder(folder)
    assert set(listing.paths) == {
        ".gitignore",
        ".gitmodules",
        "main.py",
        "lib/library/.gitignore",
        "lib/library/flaw.py",
        "lib/library/hidden/flaw.py",
        "lib/library/new.py",  # the outer repository's rules do not hold in there
    }
    assert listing.ignored == {"lib/": 1, "lib/library/made.py": 1}
    assert listing.records == ("lib/library/.git",)


def test_a_clone_within_has_its_own_index_and_a_worktree_too(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    work_tree(outer, "main.py", "inner/kept.py")
    git(outer, "commit", "-qm", "One")
    git(outer, "worktree", "add", "-q", "inner/worktree")
    work_tree(outer / "inner", "flaw.py")
    put(outer, "inner/.gitignore", "*.py\n")
    put(outer, ".gitignore", "*.js\n/cloned/\n")
    put(outer, "inner/new.js")
    work_tree(outer / "cloned", "mine.py")
    listing = list_folder(outer)
    assert "inner/new.js" in listing.paths  # the outer one's rules end where another repository begins
    # What the outer one tracks in there counts too, as it does where `.git` is no repository at all.
    assert {"inner/flaw.py", "inner/kept.py", "inner/worktree/main.py"} <= set(listing.paths)
    assert listing.records == ("inner/.git", "inner/worktree/.git")
    assert listing.ignored["cloned/"] == 1  # nothing of it is the outer one's


def test_of_a_sparse_index_nothing_is_left_out_of_folders_that_it_does_not_spell(tmp_path: Path) -> None:
    work_tree(tmp_path, "main.py", "far/away.py")
    git(tmp_path, "commit", "-qm", "One")
    git(tmp_path, "sparse-checkout", "init", "--cone", "--sparse-index")
    put(tmp_path, ".gitignore", "far/\n")
    put(tmp_path, "far/away.py")
    assert listed(tmp_path) == {".gitignore", "main.py", "far/away.py"}


def test_where_nobody_knows_what_is_tracked_nothing_is_left_out_unsaid(tmp_path: Path) -> None:
    work_tree(tmp_path, "backdoor.py")
    put(tmp_path, ".gitignore", "*.py\n")
    put(tmp_path, ".git/index", "DIRC and what no git wrote")
    with pytest.raises(
        WorkspaceError, match=r"git's index cannot be read: .+ --with-ignored takes everything"
    ):
        list_folder(tmp_path)
    assert list_folder(tmp_path, with_ignored=True).paths == (".gitignore", "backdoor.py")


def test_a_record_that_somebody_else_put_above_chooses_nothing(tmp_path: Path) -> None:
    work_tree(tmp_path, "mine/.env")
    put(tmp_path, "mine/.gitignore", ".env\n")
    assert ".env" in listed(tmp_path / "mine")
    if os.geteuid() == 0:
        os.lchown(tmp_path / ".git", 12345, 12345)
        assert ".env" not in listed(tmp_path / "mine")
        packed = pack_folder(tmp_path / "mine")
        packed.path.unlink()
        assert list(left_out(packed))[1] == (
            f"did not ask what git tracks by a record above that somebody else owns: {tmp_path / '.git'}"
        )
        os.lchown(tmp_path / "mine", 12345, 12345)  # the same stranger's, both of them
        assert ".env" in listed(tmp_path / "mine")


def test_what_is_left_out_is_counted_named_and_can_be_taken_in(tmp_path: Path) -> None:
    work_tree(tmp_path, "main.py")
    put(tmp_path, ".gitignore", "*.log\nbuilt/\n")
    for number in range(7):
        put(tmp_path, f"{number}.log")
        put(tmp_path, f"built/{number}/main.js")
    packed, whole = pack_folder(tmp_path), pack_folder(tmp_path, with_ignored=True)
    packed.path.unlink()
    whole.path.unlink()
    (line,) = left_out(packed)
    assert line.startswith(
        "left out 14 files that .gitignore names and git does not track: built/ (7), 0.log, "
    )
    assert line.endswith(", 3.log and 3 more; --with-ignored takes them in")
    assert (packed.files, whole.files, list(left_out(whole))) == (2, 16, [])


def test_counting_ends_where_it_says_nothing_new_and_what_is_tracked_is_found_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_tree(tmp_path, "a/deep/tracked.py", "main.py")
    put(tmp_path, ".gitignore", "/?/\n")
    for number in range(9):
        for name in ("a/deep", "b", "c", "d"):
            put(tmp_path, f"{name}/{number}")
    for name in ("working_tree", "show.packed"):
        monkeypatch.setattr(f"airlock_client.{name}.MAX_COUNTED", 5)
    packed = pack_folder(tmp_path)
    packed.path.unlink()
    assert packed.files == 3
    assert (
        sum(packed.ignored.values()) == 18
    )  # of the first folder, and of the one that something is tracked in
    (line,) = left_out(packed)
    assert line.startswith("left out more than 5 files that ")


def test_more_files_than_a_workspace_holds_are_refused_before_all_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airlock_sdk.workspace.MAX_FILES", 3)
    for number in range(4):
        put(tmp_path, f"{number}.py")
    with pytest.raises(WorkspaceError, match="a workspace may have 3 files"):
        list_folder(tmp_path)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that anybody may read; root may read all, so be nobody for a while."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        put(folder, ".gitignore", "data/\n")
        put(folder, "data/deep/file")
        put(folder, "main.py")
        (folder / "data").chmod(0)
        if user == 0:
            os.seteuid(65534)
        yield folder
        os.seteuid(user)
        (folder / "data").chmod(0o755)


def test_a_folder_that_may_not_be_read_counts_as_one_where_it_is_left_out_anyway(readable: Path) -> None:
    assert list_folder(readable) == Listing((".gitignore", "main.py"), {"data/": 1}, ())
    with pytest.raises(PermissionError):  # else its files would be missing without a word
        list_folder(readable, with_ignored=True)


def test_an_ignored_folder_that_cannot_be_read_hides_nothing_that_is_tracked(readable: Path) -> None:
    nobody = os.geteuid()
    os.seteuid(os.getuid())  # to write what nobody may only read
    (readable / ".git").mkdir()
    (readable / ".git/index").write_bytes(INDEX_OF_ONE)
    os.seteuid(nobody)
    with pytest.raises(PermissionError):
        list_folder(readable)


def test_an_ignored_folder_too_deep_to_be_opened_counts_as_one(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "node_modules/\n")
    above = os.getcwd()
    try:
        os.chdir(tmp_path)
        for name in ("node_modules", *["d" * 200] * 21):
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.chdir(above)
    assert list_folder(tmp_path) == Listing((".gitignore",), {"node_modules/": 1}, ())


def test_a_file_in_an_ignored_folder_cannot_be_taken_back(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "secret/\n!secret/key.py\n")
    put(tmp_path, "secret/key.py")
    assert listed(tmp_path) == {".gitignore"}


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


def test_a_linked_gitignore_is_not_read_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere", "*.py\n")
    folder = tmp_path / "repository"
    put(folder, "main.py")
    (folder / ".gitignore").symlink_to(tmp_path / "elsewhere")
    assert "main.py" in listed(folder)
    (folder / ".gitignore").unlink()
    os.mkfifo(folder / ".gitignore")
    assert "main.py" in listed(folder)


def test_records_of_version_control_stay_out_and_what_only_bears_their_name_does_not(tmp_path: Path) -> None:
    put(tmp_path, ".git/config", "token")
    put(tmp_path, "main.py")
    for name in (".svn/run.sh", ".hg/run.sh", "old/.svn/wc.db", "old/.hg/store/data", "lib/.git/HEAD"):
        put(tmp_path, name)
    assert list_folder(tmp_path) == Listing(
        (".hg/run.sh", ".svn/run.sh", "main.py"), {}, ("lib/.git", "old/.hg", "old/.svn")
    )
    packed = pack_folder(tmp_path)
    packed.path.unlink()
    assert list(left_out(packed)) == ["left out records of version control: lib/.git, old/.hg, old/.svn"]


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
