"""From findings and wished replacements to one diff; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airlock_sdk import Failure, WorkspaceError, isolate, tar

from .diff import MAX_DIFF, can_name, file_diff
from .edits import Edited, Wanted, mend
from .rules import IN_TESTS, NOTES

MAX_FILE_BYTES = 1024 * 1024  # as in the scanner: larger files are data
MEMORY = 512 * 1024 * 1024  # bytes of address space; the sandbox has 1 GiB with the workspace in it
_REQUIREMENTS = ("requirements*.txt", "pyproject.toml", "setup.cfg", "setup.py", "Pipfile")


@dataclass(frozen=True, slots=True)
class Replacement:
    """A wished change: the one place of a file where `find` stands gets `replace`."""

    id: str
    find: str
    replace: str


@dataclass(slots=True)
class Job:
    """What is to be done to one file."""

    file: str
    wanted: list[Wanted] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)

    def ids(self) -> list[str]:
        """Name everything that is asked of this file."""
        return [one.id for one in self.wanted] + [one.id for one in self.replacements]


@dataclass(slots=True)
class Done:
    """What became of one file: its part of the diff, and each request's fate."""

    file: str
    diff: str = ""
    fixed: list[str] = field(default_factory=list)
    unfixed: list[tuple[str, str]] = field(default_factory=list)
    rules: set[str] = field(default_factory=set)


def jobs(
    findings: Sequence[Mapping[str, Any]],
    replacements: Sequence[Mapping[str, Any]],
    *,
    include_tests: bool = False,
) -> list[Job]:
    """Sort what is asked by file; a finding twice is asked once, one in test code only if `include_tests`."""
    by_file: dict[str, Job] = {}
    seen: set[str] = set()
    for finding in findings:
        if finding["id"] not in seen:
            seen.add(finding["id"])
            job = by_file.setdefault(finding["file"], Job(finding["file"]))
            tool = finding.get("tool", "bandit")
            left_alone = finding.get("in_tests", False) and not include_tests
            rule = IN_TESTS if left_alone else finding["rule"]
            job.wanted.append(Wanted(finding["id"], rule, finding["line"], tool))
    for number, one in enumerate(replacements, start=1):
        job = by_file.setdefault(one["file"], Job(one["file"]))
        job.replacements.append(Replacement(f"replacement-{number}", one["find"], one["replace"]))
    return [by_file[file] for file in sorted(by_file)]


class Proposer:
    """Works on the files of one workspace."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._defusedxml = _requires(root, "defusedxml")

    def work(self, job: Job) -> Done:
        """Answer what becomes of a file; it never raises for what the file or the request holds."""
        done = Done(job.file)
        source = self._read(job.file)
        if isinstance(source, str):
            done.unfixed = [(one, source) for one in job.ids()]
            return done
        edited = mend(source, job.wanted, defusedxml=self._defusedxml)
        for one in job.replacements:
            _replace(edited, one)
        try:
            before, after = source.decode("utf-8"), edited.source.decode("utf-8")
        except UnicodeDecodeError:
            done.unfixed = [(one, "the file is not UTF-8, and a diff is") for one in job.ids()]
            return done
        done.diff = file_diff(job.file, before, after)
        done.fixed, done.unfixed, done.rules = edited.fixed, edited.unfixed, edited.rules
        return done

    def _read(self, file: str) -> bytes | str:
        """Answer a file's bytes, or the reason why it is not touched."""
        try:
            path = tar.check_path(os.fsencode(file))
        except (WorkspaceError, UnicodeEncodeError):
            return "the path leads out of the workspace, or is none"
        if ".git" in path.split("/"):
            return "version control data is not touched"
        if path != file or not can_name(path):
            return "the file's name cannot stand in a diff"
        full = self._root / path
        if not full.is_file() or full.is_symlink():
            return "there is no such file"
        if full.stat().st_size > MAX_FILE_BYTES:
            return f"the file is larger than {MAX_FILE_BYTES} bytes"
        return full.read_bytes()


def propose(root: Path, asked: Sequence[Job]) -> list[Done]:
    """Work on each file in a child process; one that does not survive it is answered for with the reason."""

    def lost(job: Job, reason: str) -> Done:
        return Done(job.file, unfixed=[(one, f"the file {reason}") for one in job.ids()])

    return list(isolate.each(Proposer(root).work, asked, lost, memory=MEMORY))


def whole_diff(done: Sequence[Done]) -> str:
    """Join the files' diffs; raises Failure when nobody could read the whole."""
    diff = "".join(one.diff for one in done)
    size = len(diff.encode("utf-8"))
    if size > MAX_DIFF:
        message = f"the diff has {size} bytes and may have {MAX_DIFF}: propose for fewer findings at a time"
        raise Failure("agent.diff_too_large", message, details={"size": size, "limit": MAX_DIFF})
    return diff


def notes(done: Sequence[Done]) -> list[str]:
    """Say what those who run the mended code will notice, each thing once."""
    rules = sorted(set().union(*(one.rules for one in done)))
    return list(dict.fromkeys(f"{rule}: {NOTES[rule]}" for rule in rules))


def _replace(edited: Edited, wished: Replacement) -> None:
    find, new = wished.find.encode("utf-8"), wished.replace.encode("utf-8")
    count = edited.source.count(find)
    if count != 1:
        reason = "its text is not in the file" if not count else f"its text stands there {count} times"
        edited.unfixed.append((wished.id, reason))
        return
    edited.source = edited.source.replace(find, new)
    edited.fixed.append(wished.id)


def _requires(root: Path, package: str) -> bool:
    for pattern in _REQUIREMENTS:
        for path in root.glob(pattern):
            if path.is_file() and package.encode() in path.read_bytes()[:MAX_FILE_BYTES]:
                return True
    return False
