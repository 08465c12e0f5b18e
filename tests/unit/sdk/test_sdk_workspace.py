"""A workspace: the same tree gives the same bytes, and a hostile archive stays in its box."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from airlock_sdk import WorkspaceError
from airlock_sdk.workspace import pack, plan, unpack, write


def make_tree(root: Path) -> Path:
    (root / "pkg" / "empty").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"a" * 511)
    (root / "pkg" / "tool.sh").write_text("#!/bin/sh\n")
    (root / "pkg" / "tool.sh").chmod(0o700)
    (root / "pkg" / ("x" * 200)).write_bytes(b"long name")
    (root / "pkg" / "ümläut \n odd").write_bytes(b"\0\1")
    (root / "pkg" / "latin-\udce9").write_bytes(b"bytes")
    return root


def packed(root: Path, paths: list[str] | None = None) -> bytes:
    out = io.BytesIO()
    pack(root, out, paths)
    return out.getvalue()


def listing(root: Path) -> dict[str, tuple[bytes | None, bool]]:
    return {
        str(path.relative_to(root)): (
            None if path.is_dir() else path.read_bytes(),
            bool(path.stat().st_mode & 0o100),
        )
        for path in root.rglob("*")
    }


def test_a_tree_comes_back_as_it_was(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    unpacked = unpack(io.BytesIO(packed(tree)), tmp_path / "back")
    assert listing(tmp_path / "back") == listing(tree)
    assert (unpacked.files, unpacked.folders) == (5, 2)


def test_the_same_tree_gives_the_same_bytes_whatever_its_times_and_order(tmp_path: Path) -> None:
    one, two = make_tree(tmp_path / "one"), tmp_path / "two"
    two.mkdir()
    (two / "pkg").mkdir()
    for path in sorted(one.rglob("*"), reverse=True):
        target = two / path.relative_to(one)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(path.read_bytes())
            target.chmod(0o777 if path.stat().st_mode & 0o100 else 0o600)
            os.utime(target, (1, 1))
    assert packed(one) == packed(two)


def test_the_size_and_the_digest_are_known_and_true(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    raw = packed(tree)
    said = pack(tree, io.BytesIO())
    assert (plan(tree).size, said.size) == (len(raw), len(raw))
    assert said.digest == "sha256:" + hashlib.sha256(raw).hexdigest()


def test_other_readers_understand_what_we_write(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    with tarfile.open(fileobj=io.BytesIO(packed(tree))) as archive:
        members = archive.getmembers()
    assert {m.name for m in members} == set(listing(tree))
    assert [os.fsencode(m.name) for m in members] == sorted(os.fsencode(m.name) for m in members)
    assert {(m.mode, m.mtime, m.uid, m.gid, m.uname) for m in members} == {
        (0o644, 0, 0, 0, ""),
        (0o755, 0, 0, 0, ""),
    }
    (tmp_path / "gnu").mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", tmp_path / "gnu"], input=packed(tree), check=True)
    assert listing(tmp_path / "gnu") == listing(tree)


@pytest.mark.parametrize("kind", ["ustar", "pax", "gnu", "posix"])
def test_we_understand_what_others_write(kind: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    if kind == "ustar":
        (tree / "pkg" / ("x" * 200)).unlink()
    raw = subprocess.run(
        ["tar", f"--format={kind}", "-cf", "-", "-C", tree, "."], check=True, capture_output=True
    )
    unpack(io.BytesIO(raw.stdout), tmp_path / "back")
    assert listing(tmp_path / "back") == listing(tree)


def test_links_and_pipes_are_left_out_and_named(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    (tree / "link").symlink_to("/etc/passwd")
    (tree / "folder-link").symlink_to("pkg")
    os.mkfifo(tree / "pipe")
    said = pack(tree, io.BytesIO())
    assert said.skipped == ("folder-link", "link", "pipe")
    assert said.files == 5


def test_chosen_paths_bring_their_folders_and_nothing_through_a_link(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    (tree / "folder-link").symlink_to(tmp_path)
    (tmp_path / "outside.txt").write_text("secret")
    planned = plan(tree, ["pkg/tool.sh", "folder-link/outside.txt", "pkg/tool.sh"])
    assert [entry.path for entry in planned.entries] == ["pkg", "pkg/tool.sh"]
    assert planned.skipped == ("folder-link/outside.txt",)
    with pytest.raises(WorkspaceError, match=r"'\.\.'"):
        plan(tree, ["../outside.txt"])


def test_a_file_that_changes_while_it_is_packed_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    planned = plan(tmp_path)
    (tmp_path / "a").write_bytes(b"123456")
    with pytest.raises(WorkspaceError, match="longer"):
        write(planned, io.BytesIO())
    (tmp_path / "a").write_bytes(b"1234")
    with pytest.raises(WorkspaceError, match="shorter"):
        write(planned, io.BytesIO())
