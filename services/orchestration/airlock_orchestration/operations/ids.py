"""Generated ids: UUIDv7, so that what is made later sorts later. Source: RFC 9562, 5.7."""

import secrets
import time
from uuid import UUID

_VERSION = 7 << 76
_VARIANT = 0b10 << 62


def uuid7(milliseconds: int | None = None) -> UUID:
    """A new UUIDv7 of a Unix time in milliseconds, now unless it is given."""
    at = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    random = secrets.randbits(74)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=((at & ((1 << 48) - 1)) << 80) | _VERSION | (high << 64) | _VARIANT | low)


def parse_uuid(text: str) -> UUID | None:
    """Read an id in the one way that we write it; None for anything else."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None
