"""A folder of its own for each test of the embedded servers."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest


@pytest.fixture
def data_dir(servers_folder: Path) -> Path:
    """A data folder that does not exist yet, below one that the servers' account may pass."""
    return servers_folder / uuid4().hex[:8]
