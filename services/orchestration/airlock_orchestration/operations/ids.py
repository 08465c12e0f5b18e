"""Ids and names: UUIDv7, so that what is made later sorts later (RFC 9562, 5.7), and what may be a name."""

import re
import secrets
import time
from uuid import UUID

from airlock_contracts.base import NAME_PATTERN

_VERSION = 7 << 76
_VARIANT = 0b10 << 62
_NAME = re.compile(NAME_PATTERN)


def uuid7(milliseconds: int | None = None) -> UUID:
    """A new UUIDv7 of a Unix time in milliseconds, now unless it is given."""
    at = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    random = secrets.randbits(74)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=((at & ((1 << 48) - 1)) << 80) | _VERSION | (high << 64) | _VARIANT | low)


def is_name(text: str) -> bool:
    """Whether something could be called so; what could not need not be looked for."""
    return _NAME.fullmatch(text) is not None


def parse_uuid(text: str) -> UUID | None:
    """Read an id in the one way that we write it; None for anything else."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None
