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

# Old code has these by the hundred, and so has code that asks first which Python runs it.
_OF_PYTHON_2 = re.compile(
    r"`(?:basestring|buffer|cmp|execfile|file|long|raw_input|reduce|reload|unichr|unicode|xrange)`"
)
# Programs put these into what they run: translations, notebooks, configuration of Jupyter and IPython.
_PUT_THERE = re.compile(r"`(?:_|ngettext|get_ipython|display|get_config)`")
_CONFIGURATION = re.compile(r"`c`")

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
        if code not in RULES or (code, row) in self._told or _is_meant(one, PurePath(self._path)):
            return
        self._told.add((code, row))
        suppressed = self._kept is not None and where not in self._kept
        self._sieve.add(_issue(one, self._path, self._lines, suppressed))

    def seen(self) -> Inspected:
        """Answer what all of it gave."""
        return Inspected(printable(self._path), self._sieve.loudest, self._trouble, counts=self._sieve.counts)


def _is_meant(one: dict[str, Any], path: PurePath) -> bool:
    """Tell whether a remark is true of what is done on purpose."""
    rule = str(one["code"])
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
    if one["code"] == "F821" and (why := _perhaps_there(one["message"], path)):
        rule = replace(rule, severity="LOW", confidence="MEDIUM", why=why)
    return issue(
        one["code"],
        rule,
        said=rule.what or one_line(" ".join(one["message"].split()), 200),
        file=printable(path),
        line=line,
        tool="ruff",
        anchor=anchor(split_lines(lines[line - 1])[0]) if line <= len(lines) and lines[line - 1] else "",
        suppressed=suppressed,
        replacement=replacement(fix["edits"], lines) if fix and fix["applicability"] == "safe" else None,
    )


def _perhaps_there(said: str, path: str) -> str | None:
    """Answer what is to be said of an undefined name that may be defined where the code runs."""
    if _OF_PYTHON_2.search(said):
        return "Python 3 has no such name."
    if _PUT_THERE.search(said) or (path.endswith("_config.py") and _CONFIGURATION.search(said)):
        return "It fails when this line runs, unless the program that runs it puts the name there."
    return None
