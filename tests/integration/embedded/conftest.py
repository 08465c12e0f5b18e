"""A folder of its own for each test of the embedded servers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest


@pytest.fixture
def data_dir(servers_folder: Path) -> Iterator[Path]:
    """A data folder that does not exist yet, below one that the servers' account may pass."""
    folder = servers_folder / uuid4().hex[:8]
    yield folder
    if folder.exists():
        shutil.rmtree(folder)
