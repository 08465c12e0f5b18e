"""A folder becomes a workspace while others change it, and while nobody waits for it any more."""

import asyncio
import shutil
from pathlib import Path

import pytest
from airlock_client.working_tree import Listing, list_folder
from airlock_client.workspaces import pack
from work_trees import put


def test_an_ignored_folder_that_somebody_removes_meanwhile_counts_as_none(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "build/\n")
    put(tmp_path, "build/one/a.o")
    put(tmp_path, "build/two/a.o")
    asked = 0

    def remove() -> None:  # asked between the listing of build and of what is in it
        nonlocal asked
        asked += 1
        if asked == 5:
            shutil.rmtree(tmp_path / "build/two")

    listing = list_folder(tmp_path, go_on=remove)
    assert not (tmp_path / "build/two").exists()
    assert listing == Listing((".gitignore",), {"build/": 1}, ())


async def test_a_workspace_that_nobody_waits_for_ends_soon_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    folder = tmp_path / "folder"
    for number in range(300):
        put(folder, f"{number}/main.py")
    packing = asyncio.create_task(pack(folder))
    await asyncio.sleep(0)
    packing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await packing
    assert list(temporary.iterdir()) == []
    packed = await pack(folder)
    assert (packed.files, list(temporary.iterdir())) == (300, [packed.path])
