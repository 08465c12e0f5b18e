"""A secret as a detector saw it, without its value, and the finding that its line becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from . import examples, secret_kinds
from .files import MAX_LINE
from .finding import Finding
from .severities import Severity, is_document


@dataclass(frozen=True, slots=True)
class Detected:
    """What a detector says of one line; the value itself is not kept."""

    kind: str
    line: int  # among the lines that were looked at, from 1
    example: bool  # the value is one that people write in examples
    prose: bool  # the value may be a word or a sentence
    comment: bool = False  # it stands in a comment or docstring, and may have been thought up for it
    name: str = ""  # what the secret is called on its line; never a part of one


def finding_of(
    detected: Sequence[Detected], shown: str, lines: list[str], *, data: bool, suppressed: bool
) -> Finding:
    """Make one finding of all that was seen on a line.

    `lines` are those among which it stands; `data` says that the file is full of strings of high entropy.
    """
    kinds = {one.kind for one in detected}
    kind, *others = sorted(kinds, key=lambda one: (-secret_kinds.precision(one), one))
    line = detected[0].line
    severity, confidence = secret_kinds.severity_of(kind), secret_kinds.confidence_of(kind)
    if all(one.prose for one in detected):
        severity, confidence = "MEDIUM", "LOW"
    elif data and is_guess(detected):
        severity = "LOW"
    unlowered, message = severity, secret_kinds.MESSAGE
    if why := _lowered(detected, shown, severity, lines):
        severity, confidence, message = "LOW", "LOW", why
    return Finding(
        rule=kind,
        severity=severity,
        confidence=confidence,
        file=shown,
        line=line,
        message=message.format(kind=kind.replace("-", " ")),
        tool="detect-secrets",
        unlowered=unlowered,
        suppressed=suppressed,
        also=tuple(others),
        anchor=detected[0].name,  # nothing else of the line: it is the secret
    )


def is_guess(detected: Sequence[Detected]) -> bool:
    """Tell whether nothing but entropy speaks for a secret."""
    return all(one.kind in secret_kinds.ENTROPY for one in detected)


def _lowered(detected: Sequence[Detected], shown: str, severity: Severity, lines: list[str]) -> str | None:
    """Answer the message of a secret that is most likely none, which says why."""
    if all(one.example or _is_bare_header(one, lines) for one in detected):
        return secret_kinds.EXAMPLE
    if all(one.example or one.comment for one in detected):
        return secret_kinds.COMMENT
    # A key or a provider's token is no sample anywhere.
    return secret_kinds.SAMPLE if is_document(PurePath(shown)) and severity != "CRITICAL" else None


def _is_bare_header(one: Detected, lines: list[str]) -> bool:
    there = lines[one.line - 1] if one.line <= len(lines) else ""
    # What is cut from a long line may be the key.
    return one.kind == "private-key" and len(there) < MAX_LINE and examples.is_bare_header(lines, one.line)
