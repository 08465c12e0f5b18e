"""The pages that alerts lead to, and the four questions: every command is typed, as it stands."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from e2e_install import Install
from guide_commands import run_guide
from watching_servers import Prometheus

DOCS = Path(__file__).parents[2] / "docs"
RUNBOOKS = DOCS / "runbooks"
OTHERS = ("README.md", "incident-response.md")
"""A list without commands; and what is typed with the guides."""
PAGES = [
    *sorted(page for page in RUNBOOKS.glob("*.md") if page.name not in OTHERS),
    DOCS / "observability.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_a_runbooks_commands_can_be_typed(
    install: Install, busy: Prometheus, tmp_path: Path, page: Path
) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")},
        "PATH": path,
        "AIRLOCK_HOME": str(install.stack.folder.path),
        "PROMETHEUS": busy.url,
        "COLUMNS": "120",
    }
    assert await asyncio.to_thread(run_guide, page, folder=tmp_path, environment=environment) > 0
