"""Both tools on one file, in the child process where hostile files are looked at."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

from .bandit_checks import BanditChecks
from .credentials import Credentials
from .files import Source, read_text
from .finding import Finding, Inspected, merge_passwords, printable


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
        shown = printable(source.path)
        path = self._root / source.path
        findings: list[Finding] = []
        trouble: list[str] = []
        try:
            text = read_text(path)
            if self._credentials is not None:
                findings += self._credentials.check(source.path, shown, text)
        except Exception as error:  # the edge to the tools: the file is named as not looked at
            trouble.append(f"detect-secrets failed on it ({type(error).__name__})")
        try:
            if self._bandit is not None and source.python:
                found, why = self._bandit.check(path, shown, text)
                findings += found
                trouble += [why] if why else []
        except Exception as error:  # the edge to the tools, as above
            trouble.append(f"bandit failed on it ({type(error).__name__})")
        return Inspected(shown, tuple(merge_passwords(findings)), "; ".join(trouble) or None)


def lost(source: Source, reason: str) -> Inspected:
    """Answer for a file that the child process did not survive."""
    return Inspected(printable(source.path), skipped=reason)
