"""What was found about one part of an install, and what to do about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

Facts = Mapping[str, Any]
"""What one of Airlock's commands printed about a part, as JSON."""
GIB = 1024**3
SECONDS_APART = 2.0
"""Of two clocks, one of them asked over a network: less may be the asking itself."""
_TOO_FAR_APART = 10.0
"""Further, and an agent whose time is out by its host's clock has given up before it began, or never does."""


class Verdict(StrEnum):
    """How a part is."""

    OK = "OK"
    WARNING = "WARNING"
    """It works, and will not for ever."""
    WRONG = "WRONG"
    """It does not work, or is not safe."""
    UNKNOWN = "UNKNOWN"
    """It should have been looked at, and could not be."""
    REMOTE = "REMOTE"
    """It is on another machine, as whoever asked said: it was not looked at from here."""

    @property
    def passes(self) -> bool:
        """Whether the exit code may be 0: what nobody could look at is not fine."""
        return self not in (Verdict.WRONG, Verdict.UNKNOWN)


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


def remote(part: str, why: str, mend: str) -> Finding:
    """The part is another machine's."""
    return Finding(part, Verdict.REMOTE, f"not looked at: {why}", mend)


def apart(part: str, what: str, seconds: float) -> Finding:
    """Two clocks differ, by so much that it has to be mended or by so little that it can wait."""
    found = wrong if abs(seconds) > _TOO_FAR_APART else warning
    return found(part, what, "run an NTP client on both")


def bytes_text(count: float) -> str:
    """A size for people."""
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / 1024**2:.0f} MiB"
