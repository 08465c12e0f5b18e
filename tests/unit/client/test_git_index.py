"""Git's index read as data: whatever form git writes it in, the answer is git's own, and nothing is run."""

import os
import struct
import subprocess
from pathlib import Path

import pytest
from airlock_client.git_index import EVERYTHING, Tracked
from airlock_client.git_records import Indexes
from airlock_client.working_tree import list_folder
from airlock_sdk import WorkspaceError
from hypothesis import given
from hypothesis import strategies as st
from work_trees import git, put, tracked_by_git, work_tree


def read_tracked(work_tree: Path) -> Tracked:
    return Indexes(with_ignored=False).tracked(work_tree)


NAMES = ("a.py", "b/c.py", "b/d/e.py", "b/d/e2.py", "caf\u00e9.txt", "line\nbreak", "z" * 200, "~.py")


@pytest.mark.parametrize(
    ("written", "more"),
    [
        pytest.param((), ("update-index", "--index-version", "2"), id="version 2"),
        pytest.param((), ("update-index", "--skip-worktree", "a.py"), id="version 3"),
        pytest.param((), ("update-index", "--index-version", "4"), id="version 4"),
        pytest.param(("--object-format=sha256",), ("update-index", "--index-version", "2"), id="SHA-256"),
        pytest.param(("--object-format=sha256",), ("update-index", "--index-version", "4"), id="SHA-256, 4"),
        pytest.param((), ("update-index", "--split-index"), id="split"),
        pytest.param((), ("update-index", "--untracked-cache"), id="with a cache"),
    ],
)
def test_every_form_of_an_index_names_what_git_lists(
    tmp_path: Path, written: tuple[str, ...], more: tuple[str, ...]
) -> None:
    work_tree(tmp_path, *NAMES, options=written)
    git(tmp_path, *more)
    assert read_tracked(tmp_path).files == tracked_by_git(tmp_path) == set(NAMES)


def test_what_is_added_to_a_split_index_and_replaced_in_it_is_named(tmp_path: Path) -> None:
    work_tree(tmp_path, *NAMES)
    git(tmp_path, "update-index", "--split-index")
    put(tmp_path, "later.py", "new")
    put(tmp_path, "a.py", "changed")
    git(tmp_path, "add", "later.py", "a.py")
    assert read_tracked(tmp_path).files == tracked_by_git(tmp_path) == {*NAMES, "later.py"}


def test_of_a_sparse_index_whole_folders_are_tracked(tmp_path: Path) -> None:
    work_tree(tmp_path, *NAMES)
    git(tmp_path, "commit", "-qm", "All")
    git(tmp_path, "sparse-checkout", "init", "--cone", "--sparse-index")
    tracked = read_tracked(tmp_path)
    assert tracked.folders == {"b"}
    assert all(tracked.holds(path) for path in ("b", "b/d"))
    assert EVERYTHING.holds("")
    assert not tracked.holds("ba")
    assert "a.py" in tracked.files


def test_entries_of_a_merge_that_is_not_over_are_named_once(tmp_path: Path) -> None:
    work_tree(tmp_path, "a.py")
    blob = git(tmp_path, "hash-object", "-w", "a.py").strip()
    stages = "".join(f"100644 {blob} {stage}\tboth.py\n" for stage in (1, 2, 3))
    subprocess.run(
        ["git", "-C", tmp_path, "update-index", "--index-info"], input=stages, text=True, check=True
    )
    assert read_tracked(tmp_path).files == {"a.py", "both.py"}


def test_a_worktree_and_a_submodule_have_indexes_of_their_own(tmp_path: Path) -> None:
    main, other = tmp_path / "main", tmp_path / "other"
    work_tree(main, "a.py")
    git(main, "commit", "-qm", "One")
    git(main, "worktree", "add", "-q", str(other))
    put(other, "b.py")
    git(other, "add", "b.py")
    assert read_tracked(other).files == {"a.py", "b.py"}
    git(other, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(main), "lib/main")
    tracked = read_tracked(other)
    assert tracked.repositories == {"lib/main"}
    assert read_tracked(other / "lib/main") == Tracked(frozenset({"a.py"}))


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",), ("--bare",)])
def test_a_repository_that_is_new_tracks_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    git(tmp_path, "init", "-q", *options, ".git" if options == ("--bare",) else ".")
    assert read_tracked(tmp_path) == Tracked()
    assert read_tracked(tmp_path / "absent") == Tracked()


def test_a_lost_index_is_no_empty_one(tmp_path: Path) -> None:
    work_tree(tmp_path, "a.py")
    (tmp_path / ".git/index").unlink()
    with pytest.raises(WorkspaceError, match="git's index is not there, though the repository is not new"):
        read_tracked(tmp_path)
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-qm", "One")
    git(tmp_path, "worktree", "add", "-q", str(tmp_path / "other"))
    (tmp_path / ".git/worktrees/other/index").unlink()
    with pytest.raises(WorkspaceError, match="git's index is not there"):
        read_tracked(tmp_path / "other")


@pytest.mark.parametrize("remains", ["packed-refs", "refs/heads/main", "objects/info/alternates"])
def test_a_record_of_which_anything_remains_is_not_new(tmp_path: Path, remains: str) -> None:
    git(tmp_path, "init", "-q")
    put(tmp_path, f".git/{remains}")
    with pytest.raises(WorkspaceError, match="git's index is not there"):
        read_tracked(tmp_path)


def test_a_checkout_that_failed_midway_hides_nothing(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    work_tree(origin, "a.py", "evil.py", "z.bin")
    put(origin, ".gitignore", "evil.py\n")
    put(origin, ".gitattributes", "*.bin filter=large\n")
    git(origin, "add", ".gitignore", ".gitattributes")
    git(origin, "commit", "-qm", "All")
    fails = ("-c", "filter.large.smudge=false", "-c", "filter.large.required=true")
    with pytest.raises(subprocess.CalledProcessError):
        git(tmp_path, *fails, "clone", "-q", str(origin), str(clone))
    assert (clone / "evil.py").exists()
    with pytest.raises(WorkspaceError, match=r"index is not there.+ --with-ignored takes everything"):
        list_folder(clone)
    assert "evil.py" in list_folder(clone, with_ignored=True).paths


@pytest.mark.parametrize(
    "pointer",
    ["no pointer", "gitdir: ../nowhere\n", "gitdir: \0\n", "gitdir: /\n", "gitdir: ../odd/.git\n", ""],
)
def test_a_pointer_that_leads_to_no_record_is_an_error_with_a_way_out(tmp_path: Path, pointer: str) -> None:
    put(tmp_path, "odd/.git", "no pointer")
    put(tmp_path, "a/.git", pointer)
    put(tmp_path, "a/.gitignore", "evil.py\n")
    put(tmp_path, "a/evil.py")
    with pytest.raises(WorkspaceError, match=r"leads to no record.+ --with-ignored takes everything"):
        list_folder(tmp_path / "a")
    assert list_folder(tmp_path / "a", with_ignored=True).paths == (".gitignore", "evil.py")


def test_a_worktree_whose_clone_was_moved_hides_nothing(tmp_path: Path) -> None:
    work_tree(tmp_path / "main", "evil.py")
    git(tmp_path / "main", "commit", "-qm", "One")
    git(tmp_path / "main", "worktree", "add", "-q", str(tmp_path / "other"))
    put(tmp_path, "other/.gitignore", "evil.py\n")
    assert "evil.py" in list_folder(tmp_path / "other").paths
    (tmp_path / "main").rename(tmp_path / "moved")
    with pytest.raises(WorkspaceError, match="it leads to no record of git's"):
        list_folder(tmp_path / "other")


@pytest.mark.parametrize("made", ["loop", "long", "folder"])
def test_a_record_that_no_system_opens_has_a_way_out_and_a_short_name(tmp_path: Path, made: str) -> None:
    put(tmp_path, "sub/a.py")
    record = tmp_path / "sub/.git"
    if made == "loop":
        record.symlink_to(".git")
    elif made == "long":
        record.write_text("gitdir: " + "a" * 5_000)
    else:
        put(tmp_path, "sub/.git/objects", "a file")
    with pytest.raises(WorkspaceError, match="--with-ignored takes everything") as raised:
        list_folder(tmp_path)
    assert len(str(raised.value)) < 500
    assert list_folder(tmp_path, with_ignored=True).paths == ("sub/a.py",)


def test_nothing_that_the_repository_or_the_environment_says_is_run_or_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, proof = tmp_path / "repository", tmp_path / "proof"
    work_tree(folder, *NAMES)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {proof}\n")
    trap.chmod(0o755)
    for name, value in (("core.fsmonitor", trap), ("core.worktree", "/etc"), ("core.hooksPath", tmp_path)):
        git(folder, "config", name, str(value))
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PATH", str(tmp_path))  # nor is there any git
    assert read_tracked(folder).files == set(NAMES)
    assert not proof.exists()


def index(*names: bytes, version: int = 2, after: bytes = b"", mode: int = 0o100644) -> bytes:
    body = struct.pack(">4sII", b"DIRC", version, len(names))
    for name in names:
        entry = (
            bytes(24) + struct.pack(">I", mode) + bytes(32) + struct.pack(">H", min(len(name), 0xFFF)) + name
        )
        body += entry + bytes(8 - len(entry) % 8)
    return body + after + bytes(20)


def index_4(dropped: bytes, name: bytes) -> bytes:
    """Of version 4, with one entry: how much of the name before it drops, and what it adds."""
    head = struct.pack(">4sII", b"DIRC", 4, 1) + bytes(24) + struct.pack(">I", 0o100644) + bytes(32)
    return head + struct.pack(">H", len(name)) + dropped + name + b"\0" + bytes(20)


def read(folder: Path, raw: bytes) -> Tracked:
    (folder / ".git").mkdir(exist_ok=True)
    (folder / ".git/index").write_bytes(raw)
    return read_tracked(folder)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"DIRC" + bytes(60),
        index(b"a.py")[:-21],
        index(b"a.py", version=5),
        index(b"../a.py"),
        index(b"/a.py"),
        index(b"a//b.py"),
        index(b"b/.git/hooks/a"),
        index(b""),
        index(b"a.py", mode=0o777777),
        index(b"a.py", after=b"must" + struct.pack(">I", 0)),
        index(b"a.py", after=b"TREE" + struct.pack(">I", 9)),
        index(b"a.py", after=b"link" + struct.pack(">I", 20) + b"\1" * 20),
        index(b"a/" * 60_000 + b"b"),
        index(b"a" * 4_097),
        index_4(b"\x05", b"a.py"),
        index_4(b"\xff\xff\xff\xff\x00", b"a.py"),
    ],
)
def test_an_index_that_cannot_be_understood_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(WorkspaceError, match=r"git's index cannot be read: .+"):
        read(tmp_path, raw)


def test_what_is_made_here_by_hand_is_an_index(tmp_path: Path) -> None:
    assert read(tmp_path, index_4(b"\x00", b"a.py")).files == {"a.py"}
    assert read(tmp_path, index(b"a.py", b"b/c.py", after=b"TREE" + struct.pack(">I", 0))).files == {
        "a.py",
        "b/c.py",
    }


def test_names_that_grow_from_each_other_end_somewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = index(b"a.py", b"b/c.py")
    for most, fits in ((len(raw) + 9, False), (len(raw) + 10, True)):
        monkeypatch.setattr("airlock_client.git_records.MAX_INDEX_BYTES", most)
        if fits:
            assert read(tmp_path, raw).files == {"a.py", "b/c.py"}
            continue
        with pytest.raises(WorkspaceError, match=f"git's indexes hold more than {most} bytes together"):
            read(tmp_path, raw)


def test_the_indexes_of_one_listing_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = index(b"a.py", b"b/c.py")
    monkeypatch.setattr("airlock_client.git_records.MAX_INDEX_BYTES", 2 * (len(raw) + 10))
    for name in ("one", "two"):
        put(tmp_path, f"{name}/main.py")
        read(tmp_path / name, raw)
    assert list_folder(tmp_path).paths == ("one/main.py", "two/main.py")
    (tmp_path / "three").mkdir()
    read(tmp_path / "three", raw)
    with pytest.raises(WorkspaceError, match="--with-ignored takes everything"):
        list_folder(tmp_path)
    assert list_folder(tmp_path, with_ignored=True).paths == ("one/main.py", "two/main.py")


def test_an_index_that_many_lead_to_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = index(b"main.py", b"b/c.py")
    monkeypatch.setattr("airlock_client.git_records.MAX_INDEX_BYTES", len(raw) + 13)
    put(tmp_path, "g/HEAD")
    (tmp_path / "g/index").write_bytes(raw)
    for number in range(20):
        put(tmp_path, f"f{number}/.git", "gitdir: ../g\n")
        put(tmp_path, f"f{number}/.gitignore", "*\n")
        put(tmp_path, f"f{number}/main.py")
    listing = list_folder(tmp_path)
    assert {f"f{number}/main.py" for number in range(20)} <= set(listing.paths)
    assert listing.ignored == {f"f{number}/.gitignore": 1 for number in range(20)}


def test_work_trees_within_each_other_end_somewhere(tmp_path: Path) -> None:
    put(tmp_path, "g/HEAD")
    for depth in range(1, 34):
        put(tmp_path, "a/" * depth + ".git", f"gitdir: {tmp_path}/g\n")
    with pytest.raises(WorkspaceError, match="it is in 32 work trees, one within the other; --with-ignored"):
        list_folder(tmp_path)
    assert list_folder(tmp_path, with_ignored=True).paths == ("g/HEAD",)


def test_a_listing_that_nobody_wants_any_more_ends_within_an_index(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    asked = 0

    def go_on() -> None:
        nonlocal asked
        asked += 1
        if asked > 100:
            raise Enough

    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").write_bytes(index(*(b"%d.py" % number for number in range(1_000))))
    with pytest.raises(Enough):
        list_folder(tmp_path, go_on=go_on)
    assert asked == 101


@given(data=st.data())
def test_no_bytes_make_it_fail_in_another_way(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    raw = bytearray(index(b"a.py", b"b/c.py", b"b/d.py", version=data.draw(st.sampled_from([2, 3, 4]))))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        tracked = read(tmp_path_factory.mktemp("index"), bytes(raw[:cut]))
    except WorkspaceError:
        return
    assert not any(part in ("", ".", "..", ".git") for path in tracked.files for part in path.split("/"))


def test_what_is_too_large_is_not_read_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path, "large/.git", "gitdir: " + "a" * 10_000)
    with pytest.raises(WorkspaceError, match="it is no file of at most 8192 bytes"):
        read_tracked(tmp_path / "large")
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git/index")
    with pytest.raises(WorkspaceError, match="it is no file"):
        read_tracked(tmp_path)
