"""All tools on one file, in the child process where hostile files are looked at."""

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath

from ..findings.collection import MAX_PER_FILE, loudest, tallied
from ..findings.credentials import Credentials
from ..findings.files import MAX_FILE_BYTES, Source, read_text
from ..findings.finding import Finding, named, printable
from ..findings.large_files import LargeFiles
from ..findings.severities import at_least, in_test, is_test
from . import own_checks
from .bandit_checks import BanditChecks
from .catalogue import SCAN_TYPES, types_of, wanted
from .dependencies.dependency import Dependency
from .dependencies.readers import read_dependencies, reader_of
from .merging import merge
from .scanned import Scanned, Wish, kind_of

MAX_CODE_BYTES = 8 * 1024 * 1024  # larger files are searched for secrets only; between, by patterns, too
_OWN_RULES = "own rules"
# How those are counted that min_severity leaves out only because of where they stand, or what they look like.
BELOW_FLOOR = "below the floor in tests"
LOWERED = "below the floor as samples"


class Inspector:
    """Looks at files of one workspace with the tools that were asked for."""

    def __init__(self, root: Path, scratch: Path, wish: Wish) -> None:
        # What the tools and the parser would print quotes the code, and a log is no place for secrets.
        logging.getLogger().addHandler(logging.NullHandler())
        warnings.simplefilter("ignore")
        self._root = root
        self._wish = wish
        self._credentials = Credentials(scratch) if wish.asks("secrets") else None
        self._large = LargeFiles(self._credentials) if self._credentials is not None else None
        self._code = wish.asks(*(one for one in SCAN_TYPES if one != "dependencies"))
        self._bandit = BanditChecks() if self._code else None
        self._spent: dict[str, float] = {}

    def inspect(self, source: Source) -> Scanned:
        """Look at a file; one that a tool cannot take is an answer too, never an exception."""
        self._spent = {}
        return replace(self._inspect(source), spent=self._spent)

    def _inspect(self, source: Source) -> Scanned:
        if source.skipped is not None:
            return self._in_blocks(source)
        try:
            text = read_text(self._root / source.path)
        except OSError as error:
            return Scanned(printable(source.path), skipped=f"cannot be read ({error.strerror})", seen=False)
        if len(text) > MAX_FILE_BYTES:
            return self._inspect_large(source, text)
        findings, trouble = self._run(
            ("detect-secrets", lambda: self._secrets(source, text)),
            ("the other rules", lambda: self._others(source, text)),
        )
        if source.python and self._bandit is not None:
            found, why = self._python(source, text, self._bandit)
            findings += found
            trouble += why
        return self._with_dependencies(source, text, findings, trouble)

    def plain_looks(self) -> dict[str, Callable[[Source], Scanned]]:
        """Answer ways to look at a file that the tools did not survive, by what they look for.

        None of them reads its structure, by which they were led astray; each takes a bounded time.
        """
        looks: dict[str, Callable[[Source], Scanned]] = {}
        if self._credentials is not None:
            looks["secrets"] = self._plain_secrets
        if self._code:
            looks["flaws"] = self._plain_flaws
        if self._wish.asks("dependencies"):
            looks["dependencies"] = self._plain_dependencies
        return looks

    def _in_blocks(self, source: Source) -> Scanned:
        """Search for secrets what is left out otherwise: no padding and no disguise hides them."""
        findings, trouble = self._secrets_in_blocks(source)
        said = "; ".join((f"{source.skipped}: searched for secrets only", *trouble))
        return replace(self._scanned(source, findings, [said]), seen=False)

    def _plain_secrets(self, source: Source) -> Scanned:
        return self._scanned(source, *self._secrets_in_blocks(source))

    def _plain_flaws(self, source: Source) -> Scanned:
        if source.skipped is not None:
            return Scanned(printable(source.path), seen=False)
        text = read_text(self._root / source.path)
        shown = printable(source.path)
        findings, trouble = own_checks.check_in_pieces(source.path, text, shown, python=source.python)
        return self._scanned(source, findings, [trouble] if trouble else [])

    def _plain_dependencies(self, source: Source) -> Scanned:
        if source.skipped is not None:
            return Scanned(printable(source.path), seen=False)
        return self._with_dependencies(source, read_text(self._root / source.path), [], [])

    def _inspect_large(self, source: Source, text: str) -> Scanned:
        """Search a file by patterns alone: whoever pads one beyond what the tools can take hides nothing."""
        shown = printable(source.path)
        findings: list[Finding] = []
        if self._code and source.python:
            findings = own_checks.check_unparsed(text, shown)
        elif self._code:
            findings = own_checks.check_others(source.path, text, shown)
        secrets, cut = self._secrets_in_blocks(source)
        trouble = [f"larger than {MAX_FILE_BYTES} bytes: searched by patterns and in blocks only", *cut]
        return self._with_dependencies(source, text, [*findings, *secrets], trouble)

    def _secrets_in_blocks(self, source: Source) -> tuple[list[Finding], list[str]]:
        if self._large is None:
            return [], []
        with self._timed("detect-secrets"):
            found, cut = self._large.check(
                self._root / source.path, source.path, printable(source.path), binary=source.binary
            )
        return found, [cut] if cut else []

    def _run(self, *looks: tuple[str, Callable[[], list[Finding]]]) -> tuple[list[Finding], list[str]]:
        findings: list[Finding] = []
        trouble: list[str] = []
        for name, look in looks:
            try:
                findings += look()
            except MemoryError:  # this process is spent: the next one goes on
                raise
            except Exception as error:  # the edge to the tool: the file is named as not looked at
                trouble.append(f"{name} failed on it ({type(error).__name__})")
        return findings, trouble

    @contextmanager
    def _timed(self, tool: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent[tool] = self._spent.get(tool, 0.0) + time.monotonic() - began

    def _secrets(self, source: Source, text: str) -> list[Finding]:
        if self._credentials is None:
            return []
        with self._timed("detect-secrets"):
            return self._credentials.check(source.path, printable(source.path), text)

    def _others(self, source: Source, text: str) -> list[Finding]:
        if source.python or not self._code:
            return []
        with self._timed(_OWN_RULES):
            return own_checks.check_others(source.path, text, printable(source.path))

    def _python(self, source: Source, text: str, bandit: BanditChecks) -> tuple[list[Finding], list[str]]:
        """Run bandit, then our own rules; what neither can parse is searched by its words."""
        shown = printable(source.path)
        found: list[Finding] = []
        why: str | None = None
        try:
            with self._timed("bandit"):
                found, why = bandit.check(self._root / source.path, shown, text)
        except Exception as error:  # the edge to the tool, as above
            why = f"bandit failed on it ({type(error).__name__})"
        try:
            with self._timed(_OWN_RULES):
                found = own_checks.check_python(text, shown, found)
        except (SyntaxError, ValueError, RecursionError):
            why = why or "not valid Python"
            found = found or own_checks.check_unparsed(text, shown)
        return found, [why] if why else []

    def _dependencies(self, source: Source, text: str) -> tuple[list[Dependency], list[Finding], list[str]]:
        if not self._wish.asks("dependencies") or reader_of(source.path) is None:
            return [], [], []
        try:
            with self._timed("dependencies"):
                dependencies, insecure = read_dependencies(source.path, text)
        except MemoryError:
            raise
        except Exception as error:  # the edge to hostile lock files, as above
            return [], [], [f"its dependencies cannot be read ({type(error).__name__})"]
        shown = printable(source.path)
        found = own_checks.at_lines("dependency-insecure-source", insecure, text, shown)
        return dependencies, found, []

    def _with_dependencies(
        self, source: Source, text: str, findings: Sequence[Finding], trouble: Sequence[str]
    ) -> Scanned:
        dependencies, insecure, unread = self._dependencies(source, text)
        scanned = self._scanned(source, [*findings, *insecure], [*trouble, *unread])
        return replace(scanned, dependencies=tuple(dependencies))

    def _scanned(self, source: Source, findings: Sequence[Finding], trouble: Sequence[str]) -> Scanned:
        tests = is_test(PurePath(source.path))
        kept: list[Finding] = []
        below: Counter[str] = Counter()
        for one in named(merge(findings), source.path):
            if not wanted(self._wish.types, one.rule, one.tool):
                continue
            finding = replace(one, in_tests=tests, more={"type": types_of(one.rule, one.tool)[0]})
            if tests and self._wish.lower_tests:
                finding = replace(finding, severity=in_test(one.severity))
            if not at_least(finding.severity, self._wish.floor):
                # Tests and samples are spoken of softly, and never silently: neither folders nor words prove
                # anything.
                below[BELOW_FLOOR] += at_least(one.severity, self._wish.floor)
                below[LOWERED] += not at_least(one.severity, self._wish.floor) and at_least(
                    one.unlowered or one.severity, self._wish.floor
                )
                continue
            kept.append(finding)
        return Scanned(
            printable(source.path),
            tuple(loudest(kept, MAX_PER_FILE)),
            "; ".join(trouble) or None,
            counts=tallied(kept, kind_of) + below,
        )
