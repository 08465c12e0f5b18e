"""Generated ids: UUIDv7, in the order of their making."""

import secrets
import threading
import time
from uuid import UUID

_RANDOM_BITS = 74
_STEP_BITS = 32
_lock = threading.Lock()
_last = 0
"""Milliseconds since 1970, then 74 bits: the body of the id that was made last."""


def uuid7() -> UUID:
    """A new UUIDv7 (RFC 9562, section 5.7), greater than every earlier one of this process.

    Within one millisecond, and while the clock is set back, the 74 random bits count on by a random step
    (section 6.2, method 2).
    """
    global _last
    with _lock:
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        if fresh >> _RANDOM_BITS <= _last >> _RANDOM_BITS:
            fresh = _last + 1 + secrets.randbits(_STEP_BITS)
        _last = fresh
    milliseconds, noise = fresh >> _RANDOM_BITS, fresh & ((1 << _RANDOM_BITS) - 1)
    high, low = noise >> 62, noise & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
