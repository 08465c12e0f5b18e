"""One finding: what it is, how it is named for ever, and how it may be shown."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, TypeVar

from airlock_sdk.printable import one_line

from .severities import SEVERITIES, Severity, is_document

MAX_FILE = 512  # characters of a file's name as it is shown
MAX_MESSAGE = 300  # characters
_LITERAL = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|["'].*)""")
_CONFIDENCES = ("HIGH", "MEDIUM", "LOW")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a tool says about one line."""

    rule: str  # B602, private-key
    severity: Severity
    confidence: str  # HIGH, MEDIUM or LOW, in the tool's own judgement
    file: str  # relative, printable
    line: int  # from 1; 0 where there is no such file
    message: str
    tool: str  # bandit, detect-secrets, ...
    suppressed: bool = False  # the code asks the tool to look away; it is a finding all the same
    also: tuple[str, ...] = ()  # other rules that fired on the same secret
    in_tests: bool = False  # the file is test code
    unlowered: Severity | None = None  # what it would be elsewhere, or with another value; not shown
    anchor: str = field(default="", repr=False)  # what of the line goes into the id; never shown
    id: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)  # an agent's own fields, as JSON

    def shown(self) -> dict[str, Any]:
        """Answer the finding as it stands in outputs, the agent's own fields last."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "confidence": self.confidence,
            "file": self.file,
            "line": self.line or None,
            "message": self.message,
            "tool": self.tool,
            "suppressed": self.suppressed,
            "also": list(self.also),
            "in_tests": self.in_tests,
            "id": self.id,
            **self.more,
        }


F = TypeVar("F", bound=Finding)


@dataclass(frozen=True, slots=True)
class Inspected:
    """What looking at one file gave."""

    file: str  # printable
    findings: tuple[Finding, ...] = ()
    skipped: str | None = None  # why it was not (wholly) looked at
    seen: bool = True  # False: it was left out, or the tools did not survive it
    counts: Counter[str] = field(default_factory=Counter)  # of all, not of the loudest alone


class Naming:
    """Gives findings their ids: all of a file, in the order of their lines, before any is left out.

    An id depends on rule, file, the line's text without its literals (they may be the secret) and the count
    of equal ones before it; not on the line's number: it survives edits elsewhere in the file. And not on
    what the caller asks for: of two equal ones the second stays the second where the first is left out.
    """

    def __init__(self, path: str | None = None) -> None:
        """`path` is the file's as the file system spells it, where names that are shown may be alike."""
        self._path = path
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def id_of(self, rule: str, file: str, anchor: str) -> str:
        """Answer the id of the next finding."""
        key = (rule, file if self._path is None else self._path, anchor)
        self._seen[key] += 1
        text = "\0".join((*key, str(self._seen[key])))
        digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
        return f"f-{digest[:20]}"

    def named(self, finding: F) -> F:
        """Answer the next finding with its id."""
        return replace(finding, id=self.id_of(finding.rule, finding.file, finding.anchor))


def named(findings: Iterable[F], path: str | None = None) -> list[F]:
    """Sort findings (loudest first) and give each its id; `path` as in `Naming`."""
    naming = Naming(path)
    in_order = sorted(findings, key=lambda one: (one.file, one.line, one.rule))
    return sorted(map(naming.named, in_order), key=rank)


def rank(finding: Finding) -> tuple[int, bool, int, str, int, str]:
    """Answer by what findings are ordered: the most severe first, of equals tests and documents last."""
    severity, confidence = SEVERITIES.index(finding.severity), _CONFIDENCES.index(finding.confidence)
    aside = finding.in_tests or is_document(PurePath(finding.file))
    return (severity, aside, confidence, finding.file, finding.line, finding.rule)


def anchor(line: str) -> str:
    """Answer a line's text without literals and spacing: enough to know it again, and no secret in it."""
    return _SPACE.sub(" ", _LITERAL.sub('""', line)).strip()[:500]


def printable(name: str) -> str:
    """Spell a file's name as findings show it."""
    return one_line(name, MAX_FILE)
