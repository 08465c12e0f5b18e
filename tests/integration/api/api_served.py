"""The API behind a real port, on real parts, in a thread of its own: for whoever asks it from outside."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import uvicorn
from airlock_contracts.failures import Failure, FailureKind
from airlock_orchestration.engine.effects import DispatchAttempt
from airlock_orchestration.engine.signals import AttemptClaimed, AttemptFailed, AttemptSucceeded
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.entries import Committed

TOKEN = "token-0123456789abcdef"
Rig = Any
"""What the conftest beside this builds."""


class Player:
    """Plays a host by signals: it claims whatever is dispatched and echoes its text, or fails where told."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._playing: set[asyncio.Task[None]] = set()

    def take(self, committed: Sequence[Committed]) -> None:
        """Play every attempt that a commit dispatched."""
        for one in committed:
            for effect in one.step.effects:
                if isinstance(effect, DispatchAttempt):
                    task = asyncio.create_task(self._play(one.step.run.id, effect.node, effect.number))
                    self._playing.add(task)
                    task.add_done_callback(self._playing.discard)

    async def rested(self) -> None:
        """Wait until all that was dispatched has been played."""
        while self._playing:
            await asyncio.wait(self._playing)

    async def leave(self) -> None:
        """End, with what is played."""
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)

    async def _play(self, run: str, node: str, number: int) -> None:
        await self._door.advance(AttemptClaimed(run, node, number, TOKEN, "host-1"))
        if node == "fails":
            failure = Failure(kind=FailureKind.AGENT, code="agent.error", message="it was told to fail")
            await self._door.advance(AttemptFailed(run, node, number, TOKEN, "host-1", failure=failure))
            return
        output = {"text": f"{node} was here"}
        data = json.dumps(output).encode()
        await self._door.advance(
            AttemptSucceeded(run, node, number, TOKEN, "host-1", output=data, value=output)
        )


class Served:
    """A server in a thread; `ask` runs work of the tests in its loop."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Rig]]) -> None:
        self._make = make
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="served-api")
        self.url = ""
        self.rig: Rig = None
        self._failed: BaseException | None = None

    async def _serve(self) -> None:
        try:
            async with self._make() as self.rig:
                config = uvicorn.Config(
                    self.rig.app, port=0, log_config=None, access_log=False, lifespan="off"
                )
                self._server = uvicorn.Server(config)
                self._loop = asyncio.get_running_loop()
                serving = asyncio.create_task(self._server.serve())
                while not self._server.started and not serving.done():
                    await asyncio.sleep(0.01)
                port = self._server.servers[0].sockets[0].getsockname()[1]
                self.url = f"http://127.0.0.1:{port}"
                self._up.set()
                await serving
        except BaseException as error:
            self._failed = error
            raise
        finally:
            self._up.set()

    def start(self) -> None:
        """Serve, or say why not."""
        self._thread.start()
        self._up.wait()
        if not self.url:
            raise RuntimeError("the API was not served") from self._failed

    def ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def stop(self) -> None:
        """End the server and its loop."""
        self._server.should_exit = True
        self._thread.join()


@contextmanager
def served(make: Callable[[], AbstractAsyncContextManager[Rig]]) -> Iterator[Served]:
    """The API of a rig, served until the end."""
    server = Served(make)
    server.start()
    try:
        yield server
    finally:
        server.stop()
