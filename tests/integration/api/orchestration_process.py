"""One orchestration process, as an operator starts it, on given parts."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

START_SECONDS = 60.0


@asynccontextmanager
async def orchestration_process(folder: Path, database: str, nats: str, **more: str) -> AsyncIterator[str]:
    """A process on a migrated database; answers its address. `more` are variables without `AIRLOCK_`."""
    port_file = folder / "port"
    environment = os.environ | {
        "AIRLOCK_DATABASE_URL": database,
        "AIRLOCK_NATS_URL": nats,
        "AIRLOCK_API_PORT": "0",
        "AIRLOCK_API_PORT_FILE": str(port_file),
        **{f"AIRLOCK_{name.upper()}": value for name, value in more.items()},
    }
    program = (sys.executable, "-m", "airlock_orchestration")
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*program, env=environment, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not (port_file.exists() and port_file.read_text().endswith("\n")):
                assert process.returncode is None, (folder / "log").read_text()
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
