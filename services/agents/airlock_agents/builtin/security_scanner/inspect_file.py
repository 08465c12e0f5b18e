"""Both tools on one file, in the child process where hostile files are looked at."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace
from pathlib import Path, PurePath

from ..findings.credentials import Credentials
from ..findings.files import Source, read_text
from ..findings.finding import Finding, Inspected, printable
from ..findings.severities import in_test, is_test
from .bandit_checks import BanditChecks
from .passwords import merge_passwords


class Inspector:
    """Looks at files of one workspace with the tools that were asked for."""

    def __init__(self, root: Path, scratch: Path, *, secrets: bool, code: bool) -> None:
        # What the tools and the parser would print quotes the code, and a log is no place for secrets.
        logging.getLogger().addHandler(logging.NullHandler())
        warnings.simplefilter("ignore")
        self._root = root
        self._credentials = Credentials(scratch) if secrets else None
        self._bandit = BanditChecks() if code else None

    def inspect(self, source: Source) -> Inspected:
        """Look at a file; one that a tool cannot take is an answer too, never an exception."""
        findings: list[Finding] = []
        trouble: list[str] = []
        for look in (self._secrets, self._flaws):
            found, why = look(source, False)
            findings += found
            trouble += [why] if why else []
        return _inspected(source, merge_passwords(findings), "; ".join(trouble) or None)

    def inspect_plain(self, source: Source) -> Inspected:
        """Search a file for secrets line by line, without what reads its structure and can be led astray."""
        found, why = self._secrets(source, True)
        return _inspected(source, found, why)

    def _secrets(self, source: Source, plain: bool) -> tuple[list[Finding], str | None]:
        if self._credentials is None:
            return [], None
        try:
            text = read_text(self._root / source.path)
            return self._credentials.check(source.path, printable(source.path), text, plain=plain), None
        except MemoryError:  # this process is spent: the next one goes on
            raise
        except Exception as error:  # the edge to the tool: the file is named as not looked at
            return [], f"detect-secrets failed on it ({type(error).__name__})"

    def _flaws(self, source: Source, plain: bool) -> tuple[list[Finding], str | None]:
        if self._bandit is None or not source.python:
            return [], None
        path = self._root / source.path
        try:
            return self._bandit.check(path, printable(source.path), read_text(path))
        except Exception as error:  # the edge to the tool, as above
            return [], f"bandit failed on it ({type(error).__name__})"


def _inspected(source: Source, findings: list[Finding], trouble: str | None) -> Inspected:
    if is_test(PurePath(source.path)):
        findings = [replace(one, in_tests=True, severity=in_test(one.severity)) for one in findings]
    return Inspected(printable(source.path), tuple(findings), trouble)
