"""nats-py's client, mended: it hears the server while it is connected, and asks after what it has sent."""

import asyncio
from typing import Any

from nats.aio.client import Client


class ReaderEnded(Exception):
    """The client stopped reading from a link that stands."""


class HearingClient(Client):
    """A client whose reader does not end in silence, and whose `flush` holds what it promises.

    nats-py 2.16 answers the question of somebody who gave up waiting, fails at that, and reads no more: a
    server that hangs for longer than a `flush` waits made a process deaf until the link counted as stale (up
    to 30 s), while each further `flush` said that all is well. And it sends a ping at once, before what was
    sent earlier and waits for its flusher: the answer says nothing of a subscription made just before.
    """

    async def _send_ping(self, future: asyncio.Future[Any] | None = None) -> None:
        if self.is_connected and self._transport is not None and self._pending:
            waiting, self._pending, self._pending_data_size = self._pending, [], 0
            self._transport.writelines(waiting)
        await super()._send_ping(future)

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _read_loop(self) -> None:
        await super()._read_loop()
        # It ends with its link, or when it is told to. Otherwise something went wrong in it.
        task = asyncio.current_task()
        if self.is_connected and task is not None and not task.cancelling():
            await self._error_cb(ReaderEnded("the client stopped reading: connecting anew"))
            await self.force_reconnect()
