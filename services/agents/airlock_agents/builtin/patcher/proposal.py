"""From what is asked to one diff; nothing is written."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from airlock_sdk import isolate

from .bumps import manifests
from .bumps.bump import major_note
from .bumps.manifests import Lock
from .configuration import files
from .diff import file_diff
from .edits import Edited, Wanted, mend
from .fixes import defused_parser
from .imports import Imported, imported, module_of, needed_elsewhere
from .line_edits import LineEdit, put_lines
from .line_rules import LINE_FIXES, PLACES
from .reason import Reason, Satisfied
from .request import MEMORY, Job, Replacement, Request, read, requires
from .rules import FIXES, LINE_NOTES, NOTES, why_not

_DEFUSED = "defusedxml"
_BOM = "\ufeff"  # what editors put before a text to mark it as UTF-8: no part of its first line
MAX_REASON = 300  # characters
NO_TIME = "there was no time left for this file: propose for it again"


@dataclass(slots=True)
class Done:
    """What became of one file: its part of the diff, and each request's fate."""

    file: str
    diff: str = ""
    fixed: list[str] = field(default_factory=list)
    unfixed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    majors: list[str] = field(default_factory=list)  # bumps that cross a major version
    locks: list[Lock] = field(default_factory=list)  # that the change leaves behind


class Proposer:
    """Works on the files of one workspace."""

    def __init__(self, root: Path, *, defusedxml: bool, imports: Imported) -> None:
        self._root = root
        self._defusedxml = defusedxml
        self._imports = imports  # that others make of the files of this proposal

    def work(self, job: Job) -> Done:
        """Answer what becomes of a file; it never raises for what the file or the request holds."""
        done = Done(job.file)
        source = read(self._root, job.file)
        if isinstance(source, str):
            rules = {one.id: one for one in job.wanted if one.rule not in {*FIXES, *LINE_FIXES}}
            done.unfixed = [
                (one, why_not(rules[one].rule, rules[one].tool) if one in rules else source)
                for one in job.ids()
            ]
            return done
        edited = self._mended(job, source.removeprefix(codecs.BOM_UTF8))
        if source.startswith(codecs.BOM_UTF8):
            edited.source = codecs.BOM_UTF8 + edited.source
        done.notes = [f"{rule}: {(NOTES | LINE_NOTES)[rule]}" for rule in sorted(edited.rules)]
        for one in job.replacements:
            _replace(edited, one)
        try:
            before, after = source.decode("utf-8"), edited.source.decode("utf-8")
        except UnicodeDecodeError:
            done.unfixed = [(one, "the file is not UTF-8, and a diff is") for one in job.ids()]
            return done
        done.fixed, done.unfixed = edited.fixed, edited.unfixed
        mark = _BOM if after.startswith(_BOM) else ""
        changed = self._configured(job, done, self._bumped(job, done, after.removeprefix(_BOM)))
        done.diff = file_diff(job.file, before, mark + changed)
        return done

    def _mended(self, job: Job, source: bytes) -> Edited:
        """Put the lines that others' tools gave, then mend the calls, wherever their lines are now."""
        edits, refused, others = _line_fixes(job.file, source, job.wanted)
        python = _is_python(job.file)
        text = source.decode("utf-8", "replace").replace("\r\n", "\n")
        for one in job.line_edits:
            needed = needed_elsewhere(job.file, text, one, self._imports) if python else None
            if needed is None:
                edits.append(one)
            else:
                refused.append((one.id, needed.text[:MAX_REASON]))
        put = put_lines(source, edits, python=python)
        put.unfixed += refused
        wanted: list[Wanted] = []
        for other in others:
            line = put.line_now(other.line)
            if line is None:
                put.unfixed.append((other.id, "another fix changes the same lines: propose again after it"))
            else:
                wanted.append(replace(other, line=line))
        edited = mend(put.source, wanted, defusedxml=self._defusedxml)
        edited.fixed[:0] = put.fixed
        edited.unfixed[:0] = put.unfixed
        edited.rules |= {one.rule for one in job.wanted if one.id in put.fixed}
        return edited

    def _bumped(self, job: Job, done: Done, text: str) -> str:
        raised: set[str] = set()
        for bump in job.bumps:
            result = manifests.raised(job.file, text, bump)
            if isinstance(result, str):
                if (note := major_note(bump, text, result)) is not None:
                    done.majors.append(note)
                text = result
                raised.add(bump.name)
                done.fixed.append(bump.id)
            elif isinstance(result, Satisfied) and bump.name in raised:  # by another bump of this proposal
                done.fixed.append(bump.id)
            else:
                done.unfixed.append((bump.id, result.text[:MAX_REASON]))
        if raised:
            done.locks = manifests.locks_of(self._root, job.file)
        return text

    def _configured(self, job: Job, done: Done, text: str) -> str:
        for one in job.configured:
            result = files.changed(job.file, text, one.change)
            if isinstance(result, Reason):
                done.unfixed.append((one.id, result.text[:MAX_REASON]))
                continue
            text = result
            done.fixed.append(one.id)
            if (note := files.note(one.change)) is not None:
                done.notes.append(note)
        return text


def propose(
    root: Path,
    asked: Request,
    *,
    tell: Callable[[int, int], None] | None = None,
    in_time: Callable[[], bool] = lambda: True,
) -> list[Done]:
    """Work on each file in a child process; one that does not survive it is answered for with the reason.

    `tell` hears how many files are done, of how many. When `in_time` says no, the rest is left for another
    proposal: what is done until then is not lost with the attempt.
    """

    def lost(job: Job, reason: str) -> Done:
        return Done(job.file, unfixed=[(one, f"the file {reason}") for one in job.ids()])

    done: list[Done] = []
    wished = any(FIXES.get(one.rule) is defused_parser for job in asked.jobs for one in job.wanted)
    touched = {module_of(job.file) for job in asked.jobs if job.line_edits and _is_python(job.file)}
    imports = imported(root, touched, memory=MEMORY) if touched else {}
    proposer = Proposer(root, defusedxml=wished and requires(root, _DEFUSED), imports=imports)
    for one in isolate.each(proposer.work, asked.jobs, lost, memory=MEMORY):
        done.append(one)
        if tell is not None:
            tell(len(done), len(asked.jobs))
        if not in_time():
            break
    left = asked.jobs[len(done) :]
    return done + [Done(job.file, unfixed=[(id_, NO_TIME) for id_ in job.ids()]) for job in left]


def notes(done: Sequence[Done]) -> list[str]:
    """Say what those who run the mended code will notice, each thing once; new major versions first."""
    majors = {note for one in done for note in one.majors}
    return [*sorted(majors), *sorted({note for one in done for note in one.notes} - majors)]


def locks(done: Sequence[Done]) -> list[Lock]:
    """List the files that other tools have to make anew after this diff."""
    return [lock for one in done for lock in one.locks]


def _is_python(file: str) -> bool:
    return file.endswith((".py", ".pyi"))


def _line_fixes(
    file: str, source: bytes, wanted: Sequence[Wanted]
) -> tuple[list[LineEdit], list[tuple[str, str]], list[Wanted]]:
    """Answer the lines that a rule's own fix changes, what it refuses to, and what is left for others."""
    edits: list[LineEdit] = []
    refused: list[tuple[str, str]] = []
    others: list[Wanted] = []
    text = source.decode("utf-8", "replace").replace("\r\n", "\n")
    parts = text.split("\n")
    for one in wanted:
        fix = LINE_FIXES.get(one.rule)
        if fix is None or not 1 <= one.line <= len(parts):
            others.append(one)
            continue
        where = PLACES[one.rule](file, text, one.line) if one.rule in PLACES else None
        result = where or fix(parts[one.line - 1])
        if isinstance(result, Reason):
            refused.append((one.id, result.text))
        else:
            edits.append(LineEdit(one.id, one.line, one.line, result))
    return edits, refused, others


def _replace(edited: Edited, wished: Replacement) -> None:
    find, new = wished.find.encode("utf-8"), wished.replace.encode("utf-8")
    count = edited.source.count(find)
    if count != 1:
        reason = "its text is not in the file" if not count else f"its text stands there {count} times"
        edited.unfixed.append((wished.id, reason))
        return
    edited.source = edited.source.replace(find, new)
    edited.fixed.append(wished.id)
