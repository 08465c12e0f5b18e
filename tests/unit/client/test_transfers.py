"""What is fetched becomes a file whole or not at all, and takes the place of nothing but a file."""

import asyncio
import hashlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from airlock_client.cli.artifacts import guess_type
from airlock_client.errors import UnexpectedAnswer
from airlock_client.transfers import save

BYTES = b"what was fetched"
SHA256 = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def no_blocking_call() -> None:
    """What is made and looked at here lies in files."""


@pytest.fixture
def folder_in_memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


async def fetched() -> AsyncIterator[bytes]:
    yield BYTES[:5]
    yield BYTES[5:]


async def test_a_new_file_and_one_that_is_there_have_the_new_bytes(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    for name in ("new", "old"):
        assert await save(fetched(), tmp_path / name, SHA256) == len(BYTES)
        assert (tmp_path / name).read_bytes() == BYTES
    assert sorted(os.listdir(tmp_path)) == ["new", "old"]


async def test_bytes_of_another_digest_leave_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    os.mkfifo(tmp_path / "pipe")
    for name in ("new", "old", "pipe"):
        with pytest.raises(UnexpectedAnswer, match="has the digest"):
            await save(fetched(), tmp_path / name, "0" * 64)
    assert (tmp_path / "old").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["old", "pipe"]


async def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "old").write_text("old")
    for name in ("old", "absent"):
        (tmp_path / name).symlink_to(f"real/{name}")
        await save(fetched(), tmp_path / name, SHA256)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "real" / name).read_bytes() == BYTES


async def test_a_pipe_and_a_device_are_written_into_and_stay_what_they_are(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    _, read = await asyncio.gather(save(fetched(), pipe, SHA256), asyncio.to_thread(pipe.read_bytes))
    assert read == BYTES
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    ours, theirs = os.openpty()  # a device whose folder takes no file, should this ever break
    (tmp_path / "terminal").symlink_to(os.ttyname(theirs))
    await save(fetched(), tmp_path / "terminal", SHA256)
    assert os.read(ours, 100) == BYTES
    assert (tmp_path / "terminal").is_symlink()
    os.close(ours)
    os.close(theirs)


async def test_a_file_that_a_shell_has_open_is_written_into(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+b") as out:
        await save(fetched(), Path(f"/proc/self/fd/{out.fileno()}"), SHA256)
        assert out.read() == BYTES
    assert os.listdir(tmp_path) == ["out"]


async def test_a_file_in_memory_is_a_file_as_any_other(folder_in_memory: Path) -> None:
    (old := folder_in_memory / "old").write_text("old")
    before = old.stat().st_ino
    with pytest.raises(UnexpectedAnswer):
        await save(fetched(), old, "0" * 64)
    assert old.read_text() == "old"
    await save(fetched(), old, SHA256)
    assert (old.read_bytes(), old.stat().st_ino != before) == (BYTES, True)
    assert os.listdir(folder_in_memory) == ["old"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.tar", "application/x-tar"),
        ("a.json", "application/json"),
        ("a.tar.gz", "application/gzip"),
        ("a.tgz", "application/gzip"),
        ("a.json.gz", "application/gzip"),
        ("a.tar.xz", "application/x-xz"),
        ("a.tar.bz2", "application/x-bzip2"),
        ("a.tar.Z", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_what_is_compressed_is_not_called_what_it_holds(name: str, media_type: str) -> None:
    assert guess_type(Path(name)) == media_type
