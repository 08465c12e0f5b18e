"""How loud a finding is, and when it is spoken more softly: in test code."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Literal

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"]

SEVERITIES: tuple[Severity, ...] = ("CRITICAL", "HIGH", "MEDIUM", "LOW")  # loudest first

_TEST_FOLDERS = frozenset({"test", "tests", "__tests__"})
_TEST_NAMES = re.compile(r"test_.*|.*_test\.\w+|.*\.(test|spec)\.\w+|conftest\.py|tests?\.py")

_DOCUMENTS = frozenset({".md", ".markdown", ".rst", ".adoc"})
_PAGES = frozenset({".txt", ".html", ".htm", ".tex"})  # that are documents where documents are kept
_DOCUMENT_FOLDERS = frozenset({"doc", "docs", "documentation"})
_DOCUMENT_NAMES = re.compile(
    r"(?i)(?:readme|changes|changelog|history|news|release[-_ ]?notes?|upgrad(?:e|ing)|install|contributing)"
    r"(?:[-_.][\w.-]*)?\.txt"
)


def at_least(severity: Severity, floor: Severity) -> bool:
    """Tell whether a severity is as loud as the floor, or louder."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(floor)


def in_test(severity: Severity) -> Severity:
    """Answer a finding's severity in test code: nobody attacks a test, but a token leaks anywhere."""
    return severity if severity == "CRITICAL" else "LOW"


def is_document(path: PurePath) -> bool:
    """Tell whether a file is written for people: what it shows as a password is mostly a sample."""
    kind = path.suffix.lower()
    kept = not _DOCUMENT_FOLDERS.isdisjoint(one.lower() for one in path.parts[:-1])
    named = _DOCUMENT_NAMES.fullmatch(path.name) is not None
    return kind in _DOCUMENTS or named or (kept and kind in _PAGES)


def is_test(path: PurePath) -> bool:
    """Tell whether a file is test code, by the names that test runners look for."""
    return not _TEST_FOLDERS.isdisjoint(path.parts[:-1]) or _TEST_NAMES.fullmatch(path.name) is not None
