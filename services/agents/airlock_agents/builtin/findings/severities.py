"""How loud a finding is, and when it is spoken more softly: in test code."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Literal

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"]

SEVERITIES: tuple[Severity, ...] = ("CRITICAL", "HIGH", "MEDIUM", "LOW")  # loudest first

_TEST_FOLDERS = frozenset({"test", "tests", "__tests__"})
_TEST_NAMES = re.compile(r"test_.*|.*_test\.\w+|.*\.(test|spec)\.\w+|conftest\.py|tests?\.py")


def at_least(severity: Severity, floor: Severity) -> bool:
    """Tell whether a severity is as loud as the floor, or louder."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(floor)


def in_test(severity: Severity) -> Severity:
    """Answer a finding's severity in test code: nobody attacks a test, but a token leaks anywhere."""
    return severity if severity == "CRITICAL" else "LOW"


def is_test(path: PurePath) -> bool:
    """Tell whether a file is test code, by the names that test runners look for."""
    return not _TEST_FOLDERS.isdisjoint(path.parts[:-1]) or _TEST_NAMES.fullmatch(path.name) is not None
