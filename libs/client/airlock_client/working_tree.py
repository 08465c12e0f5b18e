"""What of a folder becomes a workspace: all that git tracks, and what no `.gitignore` names."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import airlock_sdk.workspace
from airlock_sdk import WorkspaceError
from pathspec import GitIgnoreSpec

from .git_index import EVERYTHING, Tracked
from .git_records import GIT, Indexes, go_on
from .ignore_rules import IGNORE_FILE, IgnoreFiles, is_named

MAX_COUNTED = 200_000
"""Files that are left out: where there are more, no more folders of them are looked into."""
_MAX_WITHIN = 32  # work trees, one within the other: each is asked for each file
# What makes a folder of that name another version control's record: git commits such names as any others.
_RECORDS = {".hg": ("requires", "store", "00changelog.i"), ".svn": ("wc.db", "entries")}


@dataclass(frozen=True, slots=True)
class Listing:
    """What stands in a folder: what is taken, and what is not."""

    paths: tuple[str, ...]
    """Relative, with `/`: files, and links and the like, which packing names as what it cannot hold."""
    ignored: Mapping[str, int]
    """Named by a `.gitignore`, not tracked: files, or folders (with `/`) and how many are in each."""
    records: tuple[str, ...]
    """Records of version control within the tree; not git's at its root."""
    strangers: tuple[str, ...] = ()
    """Git's records above the folder that are somebody else's: what they track was not asked."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What one work tree tracks, asked by paths that are relative to the folder that is listed."""

    tracked: Tracked
    above: str = ""
    """Where that folder is in the work tree, with a slash at the end; or empty."""
    below: str = ""
    """Where the work tree is in that folder, with a slash at the end; or empty."""

    def has_file(self, path: str) -> bool:
        return self._there(path) in self.tracked.files

    def has_repository(self, path: str) -> bool:
        return self._there(path) in self.tracked.repositories

    def has_whole(self, path: str) -> bool:
        return self._there(path) in self.tracked.folders

    def has_below(self, prefix: str) -> bool:
        return self.tracked.has_below(self._there(prefix))

    def _there(self, path: str) -> str:
        return self.above + path[len(self.below) :]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to look into, and what holds there."""

    prefix: str
    """Its path, with a slash at its end; empty for the one that is listed."""
    known: tuple[_Known, ...]
    """Of the work trees around it."""
    rules: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    """Of the `.gitignore` files above it, the deepest last, each with its folder."""
    ignored: str = ""
    """The topmost folder, of those above and this one, that a rule names: only what is tracked is taken."""
    whole: bool = False
    """It is tracked with all that is in it."""


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    ignored: str = ""
    is_record: bool = False


def list_folder(folder: Path, *, with_ignored: bool = False, go_on: Callable[[], None] = go_on) -> Listing:
    """List a folder; `with_ignored` takes also what a `.gitignore` names. Blocks.

    Whatever git tracks is taken: a repository can leave out nothing of what it brings along. `go_on` is asked
    again and again, and raises to end it. Raises WorkspaceError where it cannot be known what is tracked, and
    for more files than a workspace holds; OSError.
    """
    paths: list[str] = []
    records: list[str] = []
    ignored: Counter[str] = Counter()
    walk = _Walk(folder, with_ignored=with_ignored, go_on=go_on)
    for found in walk.found():
        if found.is_record:
            records.append(found.path)
        elif found.ignored:
            ignored[found.ignored] += 1
        else:
            paths.append(found.path)
        if len(paths) > airlock_sdk.workspace.MAX_FILES:
            raise WorkspaceError(str(folder), f"a workspace may have {airlock_sdk.workspace.MAX_FILES} files")
    return Listing(tuple(sorted(paths)), ignored, tuple(sorted(records)), walk.strangers)


class _Walk:
    """One way through a folder, with what it may read of git's on it."""

    def __init__(self, folder: Path, *, with_ignored: bool, go_on: Callable[[], None]) -> None:
        self._folder = folder
        self._with_ignored = with_ignored
        self._go_on = go_on
        self._indexes = Indexes(with_ignored=with_ignored, go_on=go_on)
        self._ignore_files = IgnoreFiles()
        self._top, self.strangers = self._around()

    def found(self) -> Iterator[_Found]:
        pending = [self._top]
        counted = 0
        while pending:
            self._go_on()
            here = pending.pop()
            tracks = any(one.has_below(here.prefix) for one in here.known)
            if here.ignored and counted > MAX_COUNTED and not tracks:
                continue
            try:
                with os.scandir(self._folder / here.prefix) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError as error:
                if not here.ignored or tracks:
                    raise
                if not isinstance(error, FileNotFoundError):  # else somebody has just removed it
                    counted += 1
                    yield _Found(here.prefix, here.ignored)  # it counts as one
                continue
            here = self._entered(here, entries)
            for entry in entries:
                self._go_on()
                path = here.prefix + entry.name
                if _is_record(entry, path, here):
                    if path != GIT and not here.ignored:
                        yield _Found(path, is_record=True)
                elif entry.is_dir(follow_symlinks=False):
                    inside = f"{path}/"
                    ignored = here.ignored or (inside if is_named(inside, here.rules) else "")
                    pending.append(replace(here, prefix=inside, ignored=ignored))
                elif here.whole or any(one.has_file(path) for one in here.known):
                    yield _Found(path)
                elif ignored := here.ignored or (path if is_named(path, here.rules) else ""):
                    counted += 1
                    yield _Found(path, ignored)
                else:
                    yield _Found(path)

    def _entered(self, here: _Folder, entries: Sequence[os.DirEntry[str]]) -> _Folder:
        """What holds within a folder: as above it, but for what it brings along itself."""
        path = here.prefix.removesuffix("/")
        if any(one.has_repository(path) for one in here.known):  # no rule above reaches into a submodule
            here = replace(here, rules=(), ignored="")
        if here.whole or any(one.has_whole(path) for one in here.known):
            return replace(here, rules=(), ignored="", whole=True)
        names = {entry.name: entry for entry in entries}
        if path and GIT in names and not here.ignored:
            tracked = self._indexes.tracked(self._folder / path)
            if tracked is EVERYTHING or (self._with_ignored and len(here.known) >= _MAX_WITHIN):
                return replace(here, rules=(), whole=True)
            if len(here.known) >= _MAX_WITHIN:
                rule = f"it is in {_MAX_WITHIN} work trees, one within the other; --with-ignored asks none"
                raise WorkspaceError(path, rule)
            here = replace(here, known=(*here.known, _Known(tracked, below=here.prefix)), rules=())
        rules = names.get(IGNORE_FILE)
        # As git does: a linked one is not read.
        if self._with_ignored or here.ignored or rules is None or not rules.is_file(follow_symlinks=False):
            return here
        in_force = sum(len(spec) for _, spec in here.rules)
        spec = self._ignore_files.read(Path(rules.path), in_force)
        return replace(here, rules=(*here.rules, (here.prefix, spec)))

    def _around(self) -> tuple[_Folder, tuple[str, ...]]:
        """What holds at the top by the work trees that it is in, and the strangers' records above it."""
        place = self._folder.resolve()
        owners = {place.stat().st_uid, os.geteuid()}
        known, strangers, whole = [], [], False
        for root in (place, *place.parents):
            record = root / GIT
            if not os.path.lexists(record):
                continue
            # What somebody else has put above (in /tmp, say) must not choose what leaves this folder.
            if root != place and record.lstat().st_uid not in owners:
                strangers.append(str(record))
                continue
            above = "" if root == place else f"{place.relative_to(root).as_posix()}/"
            tracked = self._indexes.tracked(root)
            known.append(_Known(tracked, above=above))
            whole = whole or tracked.holds(above.removesuffix("/"))
        return _Folder("", tuple(known), whole=whole), tuple(strangers)


def _is_record(entry: os.DirEntry[str], path: str, here: _Folder) -> bool:
    """Whether version control keeps its own notes there: not in what somebody committed by such a name."""
    if entry.name == GIT:
        return True
    marks = _RECORDS.get(entry.name, ())
    if here.whole or any(one.has_below(f"{path}/") for one in here.known):
        return False
    return entry.is_dir(follow_symlinks=False) and any(
        os.path.lexists(f"{entry.path}/{mark}") for mark in marks
    )
