"""Tells whether a setting holds a secret, by its name and by what its value is not."""

from __future__ import annotations

import re

from ..findings.secret_kinds import is_placeholder

_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key"
    r"|secret[_-]?key|credentials?)s?$",
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?:password|passwd|secret|token|apikey)$", re.IGNORECASE)  # PGPASSWORD, authToken
_EMPTY_WORDS = frozenset({"true", "false", "yes", "no", "none", "null", "default", "required", "optional"})
_REFERENCE = re.compile(
    r"[$<{%]|\bsecret(?:s|manager)?[:./]|^(?:/|\./|file:|vault:|arn:|ssm:|op:)", re.IGNORECASE
)
MAX_NAME = 120


def names_secret(name: str) -> bool:
    """Tell whether a setting of that name would hold a secret."""
    return len(name) <= MAX_NAME and (_NAME.search(name) or _GLUED.search(name)) is not None


def is_literal_secret(value: str) -> bool:
    """Tell whether a value is meant itself: no reference, no path, no placeholder, no switch."""
    value = value.strip().strip("'\"")
    if (
        len(value) < 3
        or len(value) > 4000
        or value.lower() in _EMPTY_WORDS
        or (value.isdigit() and len(value) < 5)
    ):
        return False
    return not (_REFERENCE.search(value) or is_placeholder(value))


def holds_secret(name: str, value: str) -> bool:
    """Tell whether a setting holds a secret itself."""
    return names_secret(name) and is_literal_secret(value)
