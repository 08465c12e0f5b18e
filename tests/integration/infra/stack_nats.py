"""The stack's NATS as the tests use it: one connection per kind of process, and what each is refused."""

import asyncio
import runpy
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats.errors
from airlock_chassis.bus.client import HearingClient

INFRA = Path(__file__).parents[3] / "infra"
REFUSED = "permissions violation"


@dataclass(frozen=True)
class _Configuration:
    """infra/nats/nats.conf; only where it listens and where it keeps its data is another place."""

    text: str

    def at(self, data: Path, port: int) -> str:
        changed = self.text
        for there, here in (
            ("listen: 0.0.0.0:4222", f"listen: 127.0.0.1:{port}"),
            ("http: 127.0.0.1:8222", "#"),
            ("store_dir: /data", f'store_dir: "{data}"'),
        ):
            assert changed.count(there) == 1, there
            changed = changed.replace(there, here)
        return changed


CONFIGURATION = _Configuration((INFRA / "nats" / "nats.conf").read_text())


def configured(**more: Mapping[str, str]) -> str:
    """infra/nats/users.conf as the script writes it."""
    script = runpy.run_path(str(INFRA / "nats" / "users.py"))
    return str(script["configuration"](script["users"](**more)))


class Connected(HearingClient):
    """A connection that keeps what the server reproaches it with."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: asyncio.Queue[str] = asyncio.Queue()

    async def note(self, error: Exception) -> None:
        self.complaints.put_nowait(str(error).lower())

    async def may_not_say(self, subject: str, payload: bytes = b"{}") -> None:
        """Publish, and hear from the server that this user may not."""
        await self.publish(subject, payload)
        await self._hear_refusal("publish", subject)

    async def may_not_hear(self, subject: str) -> None:
        """Subscribe, and hear from the server that this user may not."""
        await self.subscribe(subject)
        await self._hear_refusal("subscription", subject)

    async def _hear_refusal(self, what: str, subject: str) -> None:
        await self.flush()
        complaint = await asyncio.wait_for(self.complaints.get(), 10)
        assert f'{REFUSED} for {what} to "{subject}"'.lower() in complaint

    async def asked(self, subject: str, payload: bytes = b"{}") -> Any:
        """The answer to a request that is allowed."""
        answer = await self.request(subject, payload, timeout=10)
        assert self.complaints.empty(), self.complaints.get_nowait()
        return answer


@dataclass
class StackNats:
    """The server, and the passwords of its users."""

    port: int
    secrets: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    def url(self, user: str) -> str:
        """The address with this user's password."""
        return f"nats://{user}:{(self.secrets / f'nats-{user}').read_text().strip()}@127.0.0.1:{self.port}"

    @asynccontextmanager
    async def connected(self, user: str) -> AsyncIterator[Connected]:
        """A connection of this kind of process, as soon as the server answers."""
        client = Connected()
        url = self.url(user)
        async with asyncio.timeout(20):
            while not client.is_connected:
                assert self.process.poll() is None, self.log.read_text()[-2000:]
                try:
                    await client.connect(
                        url, error_cb=client.note, allow_reconnect=False, inbox_prefix=f"_INBOX.{user}"
                    )
                except (OSError, nats.errors.NoServersError):
                    client = Connected()
                    await asyncio.sleep(0.05)
        try:
            yield client
        finally:
            await client.close()
