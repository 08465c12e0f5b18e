"""Bandit on one file: all its rules, none of the workspace's wishes."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from airlock_sdk.printable import one_line
from bandit.core.config import BanditConfig
from bandit.core.manager import BanditManager
from bandit.core.metrics import Metrics

from ..findings.files import split_lines
from ..findings.finding import MAX_MESSAGE, Finding, anchor
from . import rules

# What says that there is none, and a single character (a mark for "ask", say), is no secret.
_NO_PASSWORD = re.compile(r"password: '(?:.?|None)'$")


class _Trouble(logging.Handler):
    """Counts what bandit only logs: a check of its own that failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


class BanditChecks:
    """Bandit with its built-in configuration, once obeying `# nosec` and once not.

    The findings are those of the run that does not obey; the difference is what the code wants suppressed.
    """

    def __init__(self) -> None:
        config = BanditConfig()  # no file: a .bandit or pyproject.toml of the workspace is never read
        self._all = BanditManager(config, "file", ignore_nosec=True)
        self._obeying = BanditManager(config, "file", ignore_nosec=False)
        self._trouble = _Trouble()
        for name in ("bandit.core.tester", "bandit.core.manager"):
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [self._trouble], False

    def check(self, path: Path, shown: str, text: str) -> tuple[list[Finding], str | None]:
        """Answer the findings in a file, and why it could not be (wholly) looked at, if so."""
        issues, trouble = self._run(self._all, path)
        kept = issues
        if "nosec" in text and issues:
            kept, _ = self._run(self._obeying, path)
        left = [_place(issue) for issue in kept]
        lines = split_lines(text)
        by_line: dict[tuple[str, int], Finding] = {}
        for issue in issues:
            suppressed = _place(issue) not in left
            if not suppressed:
                left.remove(_place(issue))
            where = (issue.test_id, issue.lineno)
            # The same rule twice on a line is one finding, suppressed if all of it is.
            if issue.test_id in rules.LEFT_OUT or _NO_PASSWORD.search(issue.text):
                continue
            if where not in by_line or not suppressed:
                by_line[where] = _finding(issue, shown, lines, suppressed)
        return list(by_line.values()), trouble

    def _run(self, manager: Any, path: Path) -> tuple[list[Any], str | None]:
        manager.files_list, manager.results, manager.skipped = [str(path)], [], []
        manager.scores, manager.metrics = [], Metrics()
        self._trouble.count = 0
        manager.run_tests()
        if manager.skipped:
            syntax = "syntax error" in manager.skipped[0][1]
            return [], "not valid Python" if syntax else "bandit failed on it"
        trouble = f"{self._trouble.count} of bandit's checks failed on it" if self._trouble.count else None
        return list(manager.results), trouble


def _place(issue: Any) -> tuple[str, int, int, str]:
    return issue.test_id, issue.lineno, issue.col_offset, issue.text


def _finding(issue: Any, shown: str, lines: list[str], suppressed: bool) -> Finding:
    rule, line = str(issue.test_id), max(1, int(issue.lineno))
    if rule == "B613":  # bandit names the first such character, and a harmless one may stand before another
        line = next((number for number, one in enumerate(lines, 1) if rules.turns(one)), line)
    # The message of a password rule quotes the password.
    said = rules.MASKED if rule in rules.PASSWORDS else " ".join(str(issue.text).split())
    return Finding(
        rule=rule,
        severity=rules.bandit_severity(rule, issue.severity, lines[line - 1] if line <= len(lines) else ""),
        confidence=issue.confidence if issue.confidence in ("HIGH", "MEDIUM") else "LOW",
        file=shown,
        line=line,
        message=one_line(said, MAX_MESSAGE),
        tool="bandit",
        suppressed=suppressed,
        anchor=anchor(lines[line - 1]) if line <= len(lines) else "",
    )
