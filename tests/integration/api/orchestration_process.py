"""One orchestration process, as an operator starts it, on given parts."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
SHOWN = 20_000
"""Characters of a process's log, its last."""


@dataclass(frozen=True)
class Replica:
    """A process that listens."""

    url: str
    log: Path
    process: asyncio.subprocess.Process

    async def stop(self) -> None:
        """SIGTERM: it hands over what it has and ends well."""
        if self.process.returncode is None:
            self.process.terminate()
        assert await asyncio.wait_for(self.process.wait(), START_SECONDS) == 0, self.log.read_text()


@asynccontextmanager
async def orchestration_process(
    folder: Path, database: str, nats: str, **more: str
) -> AsyncIterator[Replica]:
    """A process on a migrated database, killed at the end. `more` are variables without `AIRLOCK_`."""
    port_file, log = _files(folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
    environment = inherited | {
        "AIRLOCK_DATABASE_URL": database,
        "AIRLOCK_NATS_URL": nats,
        "AIRLOCK_API_PORT": "0",
        "AIRLOCK_API_PORT_FILE": str(port_file),
        **{f"AIRLOCK_{name.upper()}": value for name, value in more.items()},
    }
    program = (sys.executable, "-m", "airlock_orchestration")
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*program, env=environment, stdout=file, stderr=file)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not (port_file.exists() and port_file.read_text().endswith("\n")):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield Replica(f"http://127.0.0.1:{port_file.read_text().strip()}", log, process)
    finally:
        if process.returncode is None:
            process.kill()
        code = await process.wait()
        ended = f"{log}, of a process that ended with {code}:"
        sys.stdout.write(f"{ended}\n{log.read_text()[-SHOWN:]}\n")  # pytest shows it with a failure


def _files(folder: Path) -> tuple[Path, Path]:
    """Where a process writes its port and its log."""
    folder.mkdir(exist_ok=True)
    return folder / "port", folder / "log"
