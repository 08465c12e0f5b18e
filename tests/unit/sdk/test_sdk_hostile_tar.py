"""What a hostile archive tries, and the rule that stops it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from airlock_sdk import WorkspaceError
from airlock_sdk.workspace import unpack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def archive(*members: tuple[str, bytes, int, bytes], **options: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as tar:  # type: ignore[call-overload]
        for name, kind, _, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def file(name: str, content: bytes = b"x") -> tuple[str, bytes, int, bytes]:
    return (name, tarfile.REGTYPE, 0, content)


def odd(name: str, kind: bytes) -> tuple[str, bytes, int, bytes]:
    return (name, kind, 0, b"")


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (archive(file("/etc/cron.d/x")), "absolute"),
        (archive(file("../x")), "'..'"),
        (archive(file("a/../../x")), "'..'"),
        (archive(file("a/./x")), "'..'"),
        (archive(file("a//x")), "empty"),
        (archive(file("..")), "'..'"),
        (archive(odd("l", tarfile.SYMTYPE)), "symbolic links"),
        (archive(odd("l", tarfile.LNKTYPE)), "hard links"),
        (archive(odd("l", tarfile.SYMTYPE), file("l/passwd")), "symbolic links"),
        (archive(odd("d", tarfile.CHRTYPE)), "character devices"),
        (archive(odd("d", tarfile.BLKTYPE)), "block devices"),
        (archive(odd("d", tarfile.FIFOTYPE)), "named pipes"),
        (archive(odd("d", tarfile.GNUTYPE_SPARSE)), "sparse"),
        (archive(odd("d", b"Z")), "not allowed"),
        (archive(file("a"), file("a")), "once"),
        (archive(file("a"), odd("a", tarfile.DIRTYPE)), "file and a folder"),
        (archive(odd("a", tarfile.DIRTYPE), file("a")), "once"),
        (archive(file("a"), file("a/b")), "file and a folder"),
        (archive(file("/".join("d" * 65))), "deep"),
        (archive(file("n" * 256)), "255 bytes"),
        (archive(file("/".join(["n" * 200] * 6))), "1024 bytes"),
        (archive(file("a", b"x" * 3000)), "hold 2000 bytes"),
        (archive(*(file(f"f{n}") for n in range(30))), "20 files"),
        (archive(file("/".join("abcdefghijklmnopqrstuv"))), "20 files"),
        (archive(file("a"))[:700], "ends in the middle"),
        (archive(file("a"))[:1024], "end mark"),
        (b"", "end mark"),
        (b"\x1f\x8b" + bytes(600), "POSIX tar"),
        (archive(file("a")).replace(b"ustar", b"rats!", 1), "POSIX tar"),
        (archive(file("b")).replace(b"b\0", b"c\0", 1), "checksum"),
        (archive(file("a"), pax_headers={"comment": "c" * 70_000}), "too large"),
        (archive(file("a"), pax_headers={"path": "/etc/x"}), "global header"),
        (archive(file("a"), pax_headers={"GNU.sparse.major": "1"}), "sparse"),
    ],
)
def test_a_hostile_archive_is_refused_by_its_rule(raw: bytes, rule: str, tmp_path: Path) -> None:
    box = tmp_path / "box"
    with pytest.raises(WorkspaceError) as caught:
        unpack(io.BytesIO(raw), box, max_bytes=2000, max_files=20)
    assert rule in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_symlink()] == []
    assert {path.name for path in tmp_path.iterdir()} == {"box"}


def test_a_refusal_names_its_entry_without_letting_it_speak_to_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        unpack(io.BytesIO(archive(file("/\x1b[2Jevil"))), tmp_path / "box")
    assert "\x1b" not in str(caught.value)
    assert "evil" in str(caught.value)


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    with pytest.raises(WorkspaceError, match="empty folder"):
        unpack(io.BytesIO(archive(file("a"))), tmp_path)


def test_a_header_of_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    raw = bytearray(archive(file("a"), format=tarfile.PAX_FORMAT, pax_headers={"k": "v"}))
    raw[124:136] = b"77777777777\0"
    raw[148:156] = b"        "
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    with pytest.raises(WorkspaceError, match="too large"):
        unpack(io.BytesIO(bytes(raw)), tmp_path / "box")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(damage=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_archive_is_read_or_refused_and_nothing_else(
    damage: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = bytearray(archive(file("a"), file("d" * 120 + "/b"), format=tarfile.PAX_FORMAT))
    for place, value in damage:
        raw[place % len(raw)] = value
    box = tmp_path_factory.mktemp("box")
    try:
        unpack(io.BytesIO(bytes(raw)), box / "in")
    except WorkspaceError:
        pass
    assert {path.name for path in box.iterdir()} == {"in"}
