"""What every error has: a code, a status, a category, and a detail of its own."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from airlock_contracts.problems import Finding

MAX_FINDINGS = 100  # that one answer lists; its detail says how many there were


PAGES = "/docs/errors/"
"""Where REST has the page of each code: where the `type` of a problem leads."""


class Category(StrEnum):
    """What kind of thing the caller can do about it."""

    REQUEST = "request"  # send something else
    AUTH = "auth"  # bring another key
    NOT_FOUND = "not_found"  # name something that is there
    CONFLICT = "conflict"  # look at how things stand, then decide anew
    LIMIT = "limit"  # send less, or later
    UNAVAILABLE = "unavailable"  # try again later
    INTERNAL = "internal"  # tell whoever runs Airlock


class AirlockError(Exception):
    """A call went wrong."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    category: ClassVar[Category] = Category.INTERNAL
    retryable: ClassVar[bool] = False
    hint: ClassVar[str | None] = None

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        errors: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.advice = hint or self.hint
        self.errors = tuple(errors[:MAX_FINDINGS])
        self.headers = dict(headers or {})
        self.details = details

    @classmethod
    def title(cls) -> str:
        """The docstring's first line."""
        return (cls.__doc__ or "").strip().splitlines()[0]


def counted(findings: Sequence[Finding], total: int | None = None) -> str:
    """Say how many problems there are (`total`, where not all are given), and how many of them are listed."""
    total = len(findings) if total is None else total
    if total == 1:
        return f"{findings[0].place}: {findings[0].message}"
    shown = f", the first {MAX_FINDINGS} are listed" if total > MAX_FINDINGS else ""
    return f"{total} problems{shown}"
