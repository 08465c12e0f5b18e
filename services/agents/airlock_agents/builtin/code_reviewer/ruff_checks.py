"""Ruff over Python files: our rules and settings, none of the workspace's; a crash costs one file."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, BinaryIO, cast

from airlock_sdk.printable import one_line
from ruff.__main__ import find_ruff_bin

from ..findings.files import read_text, split_lines
from ..findings.finding import Inspected, anchor, printable
from ..findings.severities import is_test
from .issue import Issue, issue
from .replacement import replacement
from .ruff_rules import RULES
from .sieve import Sieve, Wish
from .undefined_names import is_a_literal, perhaps_there

_BATCH_FILES = 100
_BATCH_BYTES = 2 * 1024 * 1024
_SECONDS = 60.0  # for a batch; ruff needs milliseconds for a file
_MEMORY = 768 * 1024 * 1024  # bytes of address space
_MAX_ANSWER = 64 * 1024  # bytes of one diagnostic
_MAX_FAILURES = 60  # processes that crash or hang; bisecting a batch takes seven

_COMMAND = (
    *("check", "--isolated", "--no-cache", "--quiet", "--output-format", "json-lines"),
    *("--select", ",".join(RULES), "--target-version", "py313"),  # the newest syntax: what is older is in it
    *(
        "--config",
        'lint.flake8-builtins.ignorelist = ["copyright", "credits", "exit", "help", "id", "license"]',
    ),
)
_GIVEN_UP = "ruff was given up: too many files brought it down"
_OBEYED = ("noqa", "ruff:", "flake8:")  # how code asks ruff to look away

# What is opened to be kept: for an object, for the process, or by whoever calls.
_KEPT = re.compile(r"\s*(?:[\w.]+\s*=\s*)*\w[\w.]*\.\w+\s*(?::[^=]{1,200})?=(?!=)|.*\blambda\b[^:]*:")
_MAX_HANDLER = 30  # lines of a handler that are looked at
_HANDED_ON = re.compile(r"\s*return\b")
_ASKS_FOR_NAN = re.compile(r"`.{1,100} [!=]= .{1,100}`")
_YIELDS = re.compile(r"sleep\(0\)")  # lets other threads run, and blocks nothing

_Where = tuple[str, int, int]  # rule, line, column


@dataclass(frozen=True, slots=True)
class _Copy:
    path: str  # in the workspace
    place: Path  # in our scratch folder, in UTF-8, under a name of ours
    text: str


class _RuffFailed(Exception):
    """Ruff crashed or took too long."""


def lint(root: Path, scratch: Path, paths: Sequence[str], wish: Wish) -> Iterator[Inspected]:
    """Answer what ruff finds in each file, or why it says nothing (or not all), in batches.

    `scratch` holds copies meanwhile.

    Ruff ends with the file that brings it down (code nested too deeply overflows its stack): then its batch
    is tried again by halves. After too many failures the rest is answered as not looked at.
    """
    left = _MAX_FAILURES
    pending = list(_batches(root, paths))[::-1]
    while pending:
        batch = pending.pop()
        if not left:
            yield from (Inspected(printable(path), skipped=_GIVEN_UP) for path in batch)
            continue
        copies = [_copy(root, scratch, number, path) for number, path in enumerate(batch)]
        try:
            yield from _lint(copies, wish)
        except _RuffFailed as error:
            left -= 1
            if len(batch) == 1:
                yield Inspected(printable(batch[0]), skipped=str(error))
            else:
                pending += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
        finally:
            for copy in copies:
                copy.place.unlink()


def _batches(root: Path, paths: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for path in paths:
        size += (root / path).stat().st_size
        batch.append(path)
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _copy(root: Path, scratch: Path, number: int, path: str) -> _Copy:
    # What ruff makes of a file depends on its name in two ways only: __init__.py and .pyi.
    name = PurePath(path).name
    kept = name if name == "__init__.py" else "module.pyi" if name.endswith(".pyi") else "module.py"
    text = read_text(root / path)
    place = scratch / f"ruff-{number}" / kept
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8", errors="replace")
    return _Copy(path, place, text)


def _lint(copies: Sequence[_Copy], wish: Wish) -> list[Inspected]:
    obeying = [one for one in copies if any(word in one.text.lower() for word in _OBEYED)]
    kept: dict[Path, set[_Where]] = {one.place: set() for one in obeying}
    if obeying:
        _run(obeying, lambda one: kept[Path(one["filename"])].add(_where(one)))
    looks = {one.place: _Look(one, kept.get(one.place), wish) for one in copies}
    _run(copies, lambda one: looks[Path(one["filename"])].take(one), "--ignore-noqa")
    return [one.seen() for one in looks.values()]


class _Look:
    """Takes what ruff says of one file; `kept` is where it still speaks when it obeys the file's wishes."""

    def __init__(self, copy: _Copy, kept: set[_Where] | None, wish: Wish) -> None:
        self._path = copy.path
        self._lines = copy.text.split("\n")
        self._kept = kept
        self._told: set[tuple[str, int]] = set()
        self._sieve = Sieve(wish, copy.path)
        self._trouble: str | None = None

    def take(self, one: dict[str, Any]) -> None:
        """Take a diagnostic: the same rule twice on a line is one issue."""
        code, row, _ = where = _where(one)
        if code in (None, "invalid-syntax"):
            self._trouble = "not valid Python"
        if (
            code not in RULES
            or (code, row) in self._told
            or _is_meant(one, PurePath(self._path), self._lines)
        ):
            return
        self._told.add((code, row))
        suppressed = self._kept is not None and where not in self._kept
        self._sieve.add(_issue(one, self._path, self._lines, suppressed))

    def seen(self) -> Inspected:
        """Answer what all of it gave."""
        return Inspected(printable(self._path), self._sieve.loudest, self._trouble, counts=self._sieve.counts)


def _is_meant(one: dict[str, Any], path: PurePath, lines: Sequence[str]) -> bool:
    """Tell whether a remark is true of what is done on purpose, or is not true."""
    rule, row, column = _where(one)
    line = lines[row - 1] if 0 < row <= len(lines) else ""
    if rule == "F821":
        return is_a_literal(lines, row, column)
    if rule == "ASYNC105":
        return _HANDED_ON.match(line) is not None
    if rule == "ASYNC251":
        return _YIELDS.search(line) is not None
    if rule == "PLE0604":
        return "*" in line  # a list that is unpacked there
    if rule == "F401":  # a package's interface, or a look whether something is installed
        return path.name == "__init__.py" or "find_spec" in one["message"]
    return is_test(path) and (rule.startswith("DTZ") or RULES[rule].type == "performance")


def _run(copies: Sequence[_Copy], take: Callable[[dict[str, Any]], None], *more: str) -> None:
    """Hand each of ruff's diagnostics on. Raises _RuffFailed."""
    process = subprocess.Popen(  # noqa: S603 - our own tool, names of our own
        [find_ruff_bin(), *_COMMAND, *more, "--", *(str(one.place) for one in copies)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it may quote the code
        env={"RAYON_NUM_THREADS": "1", "PATH": os.defpath},
    )
    resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    alarm = threading.Timer(_SECONDS, process.kill)
    alarm.start()
    try:
        with cast(BinaryIO, process.stdout) as out:
            for one in _documents(out):
                take(one)
        code = process.wait()
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
    if code not in (0, 1):
        raise _RuffFailed("ruff took too long for it" if code == -signal.SIGKILL else "it brought ruff down")


def _documents(out: BinaryIO) -> Iterator[dict[str, Any]]:
    """Read JSON lines; one longer than anything we would show is passed over."""
    whole = True
    while line := out.readline(_MAX_ANSWER):
        complete = line.endswith(b"\n")
        if whole and complete:
            yield json.loads(line)
        whole = complete


def _where(one: dict[str, Any]) -> _Where:
    return one["code"], one["location"]["row"], one["location"]["column"]


def _issue(one: dict[str, Any], path: str, lines: Sequence[str], suppressed: bool) -> Issue:
    rule, line = RULES[one["code"]], max(1, int(one["location"]["row"]))
    fix = one.get("fix")
    said = str(one["message"])
    if one["code"] == "F821" and (known := perhaps_there(said, path, lines, line, _where(one)[2])):
        rule = replace(rule, severity=known.severity, confidence="MEDIUM", why=known.why)
        said = said.partition(". ")[0]
    elif one["code"] == "SIM115" and line <= len(lines) and _KEPT.match(lines[line - 1][:1000]):
        rule = replace(rule, severity="LOW", confidence="MEDIUM")
    elif one["code"] == "E722" and _raises_again(lines, line):
        rule = replace(
            rule,
            severity="LOW",
            confidence="MEDIUM",
            why="It is raised again here, and lost where somebody forgets that.",
        )
    elif one["code"] == "PLR0124" and _ASKS_FOR_NAN.search(said):
        rule = replace(rule, severity="LOW", confidence="LOW", why="Only NaN differs from itself.")
    return issue(
        one["code"],
        rule,
        said=rule.what or one_line(" ".join(said.split()), 200),
        file=printable(path),
        line=line,
        tool="ruff",
        anchor=anchor(split_lines(lines[line - 1])[0]) if line <= len(lines) and lines[line - 1] else "",
        suppressed=suppressed,
        replacement=replacement(fix["edits"], lines) if fix and fix["applicability"] == "safe" else None,
    )


def _raises_again(lines: Sequence[str], row: int) -> bool:
    """Tell whether a handler raises again in a way that ruff does not know: `with safe_reraise():`."""
    outside = _indent(lines[row - 1]) if 0 < row <= len(lines) else 0
    for line in lines[row : row + _MAX_HANDLER]:
        if line.strip() and _indent(line) <= outside:
            return False
        if "reraise(" in line[:200]:
            return True
    return False


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
