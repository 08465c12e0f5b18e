"""What people give as an id or a name: whether it could be one."""

import re
from uuid import UUID

from airlock_contracts.base import NAME_PATTERN

_NAME = re.compile(NAME_PATTERN)


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
