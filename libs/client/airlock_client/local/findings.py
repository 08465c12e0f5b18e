"""What was found about one part of an install, and what to do about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

Facts = Mapping[str, Any]
"""What one of Airlock's commands printed about a part, as JSON."""
GIB = 1024**3


class Verdict(StrEnum):
    """How a part is."""

    OK = "OK"
    WARNING = "WARNING"
    """It works, and will not for ever."""
    WRONG = "WRONG"
    UNKNOWN = "UNKNOWN"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part."""

    part: str
    verdict: Verdict
    what: str
    mend: str = ""
    """What to do about it."""

    def as_dict(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)


def ok(part: str, what: str) -> Finding:
    """The part is well."""
    return Finding(part, Verdict.OK, what)


def warning(part: str, what: str, mend: str) -> Finding:
    """The part works, and should be looked at."""
    return Finding(part, Verdict.WARNING, what, mend)


def wrong(part: str, what: str, mend: str) -> Finding:
    """The part is not well."""
    return Finding(part, Verdict.WRONG, what, mend)


def unknown(part: str, why: str, mend: str = "") -> Finding:
    """The part could not be looked at."""
    return Finding(part, Verdict.UNKNOWN, f"not looked at: {why}", mend)


def bytes_text(count: float) -> str:
    """A size for people."""
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / 1024**2:.0f} MiB"
