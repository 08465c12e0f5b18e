"""What an agent says when it cannot deliver, and what goes wrong on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_MESSAGE = 2000
"""Characters of a failure's message."""
_CODE = re.compile(r"agent(\.[a-z][a-z0-9_]{0,62}){1,3}")


class Failure(Exception):
    """Raise it in an action to end the attempt with a failure of your own code.

    `code` starts with `agent.` (`agent.patch_rejected`); `message` is for a person; `retryable` says that the
    same input may succeed later; `details` is a small JSON object. Raises ValueError for another code.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        if not _CODE.fullmatch(code):
            raise ValueError(f"a failure code looks like agent.some_word, not {code!r}")
        super().__init__(message)
        self.code = code
        self.message = text_of(message, MAX_MESSAGE)
        self.retryable = retryable
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class ProtocolError(Exception):
    """The other side of the pipe did not speak airlock/1."""


class WorkspaceError(Exception):
    """A workspace breaks a rule: `entry` names the place in it, `rule` says which one."""

    def __init__(self, entry: str, rule: str) -> None:
        # The name comes from an archive somebody else wrote: escaped and cut, so that it can stand in a log.
        shown = entry.encode("utf-8", "backslashreplace").decode("utf-8")[:200]
        super().__init__(f"{shown!r}: {rule}")
        self.entry = shown
        self.rule = rule


def text_of(value: Any, most: int) -> str:
    """The text of anything, cut to `most` characters. Never raises: words about the work must not end it."""
    try:
        return str(value)[:most]
    except Exception:  # an author's own __str__, or an integer of more digits than Python spells
        return type(value).__name__[:most]
