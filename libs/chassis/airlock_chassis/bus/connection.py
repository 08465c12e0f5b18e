"""One connection to NATS: bounded at the start, for ever after that.

nats-py is used in this package only; everyone else sees bytes, subjects and the errors of `errors.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from ..telemetry.logs import get_logger
from .client import HearingClient
from .errors import BusClosed, BusError, BusUnavailable, NoAnswer, PublishRefused
from .options import BusOptions, Headers, Listener, Request, Responder

log = get_logger(__name__)

RECONNECT_WAIT_SECONDS = 1
PING_SECONDS = 10
OUTSTANDING_PINGS = 2
"""A half-open link is noticed after 30 s; the client's own default takes up to six minutes."""
PENDING_BYTES = 8 * 1024 * 1024
"""What may wait in memory while the server is away; beyond it a publish raises."""
MAX_HANDLERS = 512
"""Handlers of requests and broadcasts that run at once, per subscription."""
CLOSE_SECONDS = 5.0
_MOST_CANCELLATIONS = 10
REFUSAL = "authorization violation"
"""How the server puts it, in an error without a type of its own."""


class Subscription:
    """Interest in a subject; `close` ends it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def close(self) -> None:
        """Stop receiving. What has arrived is still handled."""
        try:
            await asyncio.wait_for(self._inner.drain(), CLOSE_SECONDS)
        except (nats.errors.Error, TimeoutError) as error:
            log.debug("bus.unsubscribe_failed", reason=str(error))


class Bus:
    """A connection to NATS and what Airlock does with it. Make one with `Bus.connect`."""

    def __init__(self, options: BusOptions) -> None:
        self.options = options
        self.reconnects = 0
        self._client = HearingClient()
        self._js: JetStreamContext | None = None
        self._closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._refused = asyncio.Event()
        self._last_error: Exception | None = None
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._on_reconnect: list[Callable[[], None]] = []
        self._on_disconnect: list[Callable[[], None]] = []

    @classmethod
    async def connect(cls, url: str, *, timeout: float = 8.0, **options: Any) -> Self:
        """Connect, or say in one line why not.

        `options` are the fields of `BusOptions`. Raises BusUnavailable after `timeout` seconds, and at
        once when the server refuses the credentials. Once connected it reconnects for ever.
        """
        bus = cls(BusOptions(url=url, **options))
        await bus.open(timeout=timeout)
        return bus

    async def open(self, *, timeout: float = 8.0) -> None:
        """Connect this bus. Raises BusUnavailable."""
        options = self.options
        connecting = asyncio.create_task(
            self._client.connect(
                servers=[options.url],
                name=options.name,
                user=options.user,
                password=options.password,
                user_credentials=str(options.credentials_file) if options.credentials_file else None,
                inbox_prefix=options.inbox_prefix,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_WAIT_SECONDS,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=OUTSTANDING_PINGS,
                pending_size=PENDING_BYTES,
                error_cb=self._note_error,
                disconnected_cb=self._note_disconnect,
                reconnected_cb=self._note_reconnect,
                closed_cb=self._note_closed,
            )
        )
        refused = asyncio.create_task(self._refused.wait())
        try:
            await asyncio.wait({connecting, refused}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done() and connecting.exception() is None and self._client.is_connected:
                self._js = self._client.jetstream()
                return
            raise self._unavailable(timeout)
        finally:
            refused.cancel()
            if self._js is None:
                connecting.cancel()
                await asyncio.wait({connecting})
                await self.close()

    def _unavailable(self, timeout: float) -> BusUnavailable:
        where = self.options.shown_url
        if self._refused.is_set():
            return BusUnavailable(f"NATS at {where} refused the credentials")
        reason = _reason(self._last_error)
        return BusUnavailable(f"NATS at {where} does not answer within {timeout:g} s: {reason}")

    async def __aenter__(self) -> Self:
        if self._js is None:
            await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let handlers end for a moment, flush what waits, disconnect. Safe to call twice."""
        if self._closing:
            return
        self._closing = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=CLOSE_SECONDS)
        late = set(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        try:
            if self._client.is_connected:
                await self._client.flush(timeout=2)
        except (nats.errors.Error, OSError) as error:
            log.debug("bus.flush_failed", reason=str(error))
        if not self._client.is_connected:
            # nats-py would write the rest into the dead socket, raise, and leave its tasks running (2.16).
            self._client._pending, self._client._pending_data_size = [], 0
        await self._client.close()
        await self._end_reconnecting()

    async def _end_reconnecting(self) -> None:
        # Python 3.11's `wait_for` loses a cancellation that comes as its own work fails, and a connect that
        # is refused does: nats-py, which cancels once, would go on and connect again after its close.
        reconnecting = self._client._reconnection_task
        for _ in range(_MOST_CANCELLATIONS):
            if reconnecting is None or reconnecting is asyncio.current_task() or reconnecting.done():
                return
            reconnecting.cancel()
            await asyncio.wait({reconnecting}, timeout=CLOSE_SECONDS / _MOST_CANCELLATIONS)
        log.warning("bus.still_reconnecting", url=self.options.shown_url)

    async def probe(self) -> str:
        """A health check: the server answers a ping. Raises NoAnswer."""
        if not self.connected:
            raise NoAnswer(f"not connected: {_reason(self._last_error)}")
        await self.flush()
        return f"{self.reconnects} reconnects"

    @property
    def connected(self) -> bool:
        """Whether the link to a server stands now."""
        return bool(self._client.is_connected)

    @property
    def server_version(self) -> str:
        """Version of the server that it is connected to."""
        return str(self._client.connected_server_version).strip("<>").rpartition(" v")[2]

    @property
    def jetstream(self) -> JetStreamContext:
        """nats-py's JetStream context, for this package only."""
        if self._js is None:
            raise BusClosed("the bus is not connected yet")
        return self._js

    def on_reconnect(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after each reconnect; returns what takes the callback out again."""
        self._on_reconnect.append(callback)
        return lambda: self._on_reconnect.remove(callback)

    def on_disconnect(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back when the link is lost; returns what takes the callback out again."""
        self._on_disconnect.append(callback)
        return lambda: self._on_disconnect.remove(callback)

    async def watch(self) -> None:
        """Return when `close` was called; raise BusClosed when the connection ended for good without it.

        Give this to the supervisor: a process whose bus is closed is a zombie and must end.
        """
        reason = await asyncio.shield(self._closed)
        if not self._closing:
            raise BusClosed(f"the connection to NATS at {self.options.shown_url} ended: {reason}")

    async def run(self, stop: asyncio.Event) -> None:
        """`watch` as a service of the supervisor: also returns when `stop` is set."""
        waits = (asyncio.create_task(self.watch()), asyncio.create_task(stop.wait()))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()

    async def publish(
        self, subject: str, payload: bytes = b"", *, reply: str = "", headers: Headers | None = None
    ) -> None:
        """Send without acknowledgement (core NATS).

        Raises PublishRefused (too large, not a subject), NoAnswer if the buffer is full, BusClosed.
        """
        try:
            await self._client.publish(subject, payload, reply=reply, headers=dict(headers or {}) or None)
        except nats.errors.Error as error:
            raise _translated(error, subject, len(payload)) from error

    async def request(
        self, subject: str, payload: bytes = b"", *, timeout: float = 2.0, headers: Headers | None = None
    ) -> bytes:
        """Ask and wait for one answer.

        Raises NoAnswer after `timeout` seconds or when nobody listens, and what `publish` raises.
        """
        try:
            answer = await self._client.request(
                subject, payload, timeout=timeout, headers=dict(headers or {}) or None
            )
        except nats.errors.NoRespondersError as error:
            raise NoAnswer(f"nobody listens on {subject}") from error
        except nats.errors.TimeoutError as error:
            raise NoAnswer(f"no answer on {subject} within {timeout:g} s") from error
        except nats.errors.Error as error:
            raise _translated(error, subject, len(payload)) from error
        return bytes(answer.data)

    async def flush(self, timeout: float = 2.0) -> None:
        """Wait until the server has seen everything sent so far. Raises NoAnswer."""
        try:
            await self._client.flush(timeout=timeout)  # type: ignore[arg-type]
        except nats.errors.Error as error:
            raise NoAnswer("NATS did not answer a ping") from error

    async def respond(self, subject: str, handler: Responder, *, queue: str = "") -> Subscription:
        """Answer requests on a subject, many at once. A handler that raises is logged and answers nothing."""

        async def answer(request: Request, reply: str) -> None:
            payload = await handler(request)
            if reply and payload is not None:
                await self.publish(reply, payload)

        return await self._listen(subject, answer, queue)

    async def subscribe(self, subject: str, handler: Listener, *, queue: str = "") -> Subscription:
        """Hear broadcasts on a subject, many at once. A handler that raises is logged."""

        async def hear(request: Request, reply: str) -> None:
            await handler(request)

        return await self._listen(subject, hear, queue)

    async def subscribe_raw(self, subject: str, callback: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """A plain nats-py subscription, for this package only."""
        return await self._subscribe(subject, "", callback)

    def new_inbox(self) -> str:
        """A subject nobody else uses."""
        return str(self._client.new_inbox())

    async def _listen(
        self, subject: str, handler: Callable[[Request, str], Awaitable[None]], queue: str
    ) -> Subscription:
        room = asyncio.Semaphore(MAX_HANDLERS)

        async def handle(message: Msg) -> None:
            try:
                await handler(Request(message.subject, message.data, message.headers or {}), message.reply)
            except Exception:
                log.exception("bus.handler_failed", subject=message.subject)
            finally:
                room.release()

        async def dispatch(message: Msg) -> None:
            await room.acquire()
            task = asyncio.create_task(handle(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return await self._subscribe(subject, queue, dispatch)

    async def _subscribe(
        self, subject: str, queue: str, callback: Callable[[Msg], Awaitable[None]]
    ) -> Subscription:
        try:
            return Subscription(await self._client.subscribe(subject, queue=queue, cb=callback))
        except nats.errors.ConnectionClosedError as error:
            raise BusClosed("the connection to NATS is closed") from error

    async def _note_error(self, error: Exception) -> None:
        self._last_error = error
        if REFUSAL in str(error).lower():
            self._refused.set()
        if self._js is not None:
            log.warning("bus.error", reason=_reason(error))

    async def _note_disconnect(self) -> None:
        if not self._closing:
            log.warning("bus.disconnected", url=self.options.shown_url, reason=_reason(self._last_error))
        for callback in tuple(self._on_disconnect):
            callback()

    async def _note_reconnect(self) -> None:
        self.reconnects += 1
        log.info("bus.reconnected", url=self.options.shown_url)
        for callback in tuple(self._on_reconnect):
            callback()

    async def _note_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(_reason(self._last_error))


def _translated(error: nats.errors.Error, subject: str, size: int) -> BusError:
    """An error of nats-py at sending, as one of ours."""
    if isinstance(error, nats.errors.ConnectionClosedError | nats.errors.ConnectionDrainingError):
        return BusClosed("the connection to NATS is closed")
    if isinstance(error, nats.errors.MaxPayloadError):
        return PublishRefused(f"{subject}: {size} bytes are more than NATS takes in one message")
    if isinstance(error, nats.errors.BadSubjectError | nats.errors.BadHeaderError):
        return PublishRefused(f"{subject!r}: {_reason(error)}")
    return NoAnswer(f"{subject} was not sent: {_reason(error)}")


def _reason(error: Exception | None) -> str:
    """One line about an error of nats-py, whose own texts are often empty."""
    text = " ".join(str(error or "").split())
    return text or (type(error).__name__ if error else "no connection")
