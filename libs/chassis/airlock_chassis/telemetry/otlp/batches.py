"""A bounded queue and the thread that empties it: what does not fit, or is not taken, is counted and gone.

Bounded by number and by bytes, both what waits and what goes out at once. Sizes are estimates of what an item
weighs on the wire; the exporters hold the exact bound of a request.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..metrics import telemetry_dropped_total

_T = TypeVar("_T")

EVERY_SECONDS = 1.0
"""What collects goes out at least this often."""
LAST_SECONDS = 1.0
"""For a send that was cut off to end."""
QUEUE_BYTES = 8 * 1024 * 1024
"""What may wait of one signal."""
BATCH_BYTES = 1024 * 1024
"""What goes out at once, an item that is larger alone: half of a request, for sizes are estimates."""

Send = Callable[[Sequence[_T]], int]
"""Sends a batch, in bounded time; answers how many were not taken. Raises nothing."""


def bytes_at_most(text: str) -> int:
    """What a text weighs on the wire, at most; without spelling it, for it is asked of all that is said."""
    return len(text) if text.isascii() else 4 * len(text)


class Batches(Generic[_T]):
    """Items that wait to be sent, at most `most` and `most_bytes` of them."""

    def __init__(
        self,
        signal: str,
        send: Send[_T],
        cut: Callable[[], None],
        *,
        most: int,
        most_bytes: int = QUEUE_BYTES,
        batch: int = 512,
        batch_bytes: int = BATCH_BYTES,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """`cut` makes a send that is under way end at once; it is called at the very end."""
        self._dropped = telemetry_dropped_total.labels(signal)
        self._send = send
        self._cut = cut
        self._most = most
        self._most_bytes = most_bytes
        self._batch = batch
        self._batch_bytes = batch_bytes
        self._every = every_seconds
        self._lock = threading.Lock()
        self._waiting: deque[tuple[_T, int]] = deque()
        self._bytes = 0
        self._wake = threading.Event()
        self._closing = False
        self._cut_off = False
        self._thread = threading.Thread(target=self._run, name=f"otlp-{signal}", daemon=True)
        self._thread.start()

    def put(self, item: _T, size: int) -> None:
        """Take an item to be sent, from any thread; `size` is what it weighs in bytes. Never waits."""
        with self._lock:
            count, heavy = len(self._waiting) + 1, self._bytes + size
            fits = count <= self._most and heavy <= self._most_bytes and not self._closing
            if fits:
                self._waiting.append((item, size))
                self._bytes = heavy
        if not fits:
            self._dropped.inc()
        elif count >= self._batch or heavy >= self._batch_bytes:
            self._wake.set()

    def flush(self, seconds: float) -> bool:
        """Wait until nothing waits, at most so long; answers whether that is so. For tests, and the SDK."""
        until = time.monotonic() + seconds
        while self._waiting and time.monotonic() < until:
            self._wake.set()
            time.sleep(0.01)
        return not self._waiting

    def close(self, seconds: float) -> None:
        """Take nothing more and send what waits, at most so long; the rest is dropped. Blocks."""
        with self._lock:
            self._closing = True
        self._wake.set()
        self._thread.join(seconds)
        self._cut_off = True
        self._cut()
        self._thread.join(LAST_SECONDS)
        with self._lock:
            self._dropped.inc(len(self._waiting))
            self._waiting.clear()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._every)
            self._wake.clear()
            self._send_some(len(self._waiting))
        while not self._cut_off and self._waiting:
            self._send_some(len(self._waiting))

    def _send_some(self, count: int) -> None:
        """Send so many; what comes meanwhile collects for the next turn, or each would go out alone."""
        while count > 0 and not self._cut_off and (items := self._take(count)):
            count -= len(items)
            if refused := self._send(items):
                self._dropped.inc(refused)

    def _take(self, count: int) -> list[_T]:
        """The first ones that waited, as many as make a batch; at least one, if there is any."""
        taken: list[_T] = []
        left = self._batch_bytes
        with self._lock:
            while self._waiting and len(taken) < min(count, self._batch):
                size = self._waiting[0][1]
                if taken and size > left:
                    break
                left -= size
                self._bytes -= size
                taken.append(self._waiting.popleft()[0])
        return taken
