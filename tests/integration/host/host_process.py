"""A real agent host as a child process."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

END_SECONDS = 60.0


class HostProcess:
    """`python -m airlock_agents host` with settings of its own; its log lies in a file."""

    def __init__(self, settings: dict[str, str], log: Path) -> None:
        self.settings = settings
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it is up when it has sent a heartbeat."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("AIRLOCK_")}
        output = await asyncio.to_thread(self.log.open, "ab")
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "airlock_agents",
                "host",
                env=clean | self.settings,
                stdout=output,
                stderr=output,
            )
        finally:
            output.close()

    async def wait(self, seconds: float = END_SECONDS) -> int:
        """Wait for its end; answers the exit code."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        self.signal(signal.SIGTERM)
        return await self.wait()

    async def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def output(self) -> str:
        """Everything that it wrote."""
        return self.log.read_text()

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The lines of its log with that event, or all."""
        lines = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in lines if not name or line["event"] == name]
