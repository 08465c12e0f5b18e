"""What people give as an id or a name: whether it could be one."""

import difflib
import re
from collections.abc import Sequence
from uuid import UUID

from airlock_contracts.base import NAME_PATTERN

_NAME = re.compile(NAME_PATTERN)
_MAX_NAME = 63


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


def listed(what: str, name: str, known: Sequence[str], none: str) -> str:
    """A hint for a name that nothing has: which it may have been meant for, and which there are."""
    if not known:
        return none
    near = difflib.get_close_matches(name[:_MAX_NAME], known, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    return f"{meant}Known {what}: {', '.join(known)}."
