"""What is said of the whole workspace: the files' own breaches, and those that only all of them show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from ..findings.files import Source
from ..findings.finding import Inspected
from ..findings.others import is_others
from ..findings.severities import Severity, is_test
from .examination import is_held_to_rules
from .facts import (
    Breach,
    CopiesEverything,
    Dependency,
    Examined,
    HeaderSent,
    LicenceText,
    Manifest,
    Serves,
    SourceHeader,
)
from .files.required import missing
from .files.unwanted import by_name
from .headers.judgement import judge as judge_headers
from .licences.judgement import Licences
from .licences.judgement import judge as judge_licences
from .policy import Policy
from .rules.rule import Kind

_LIBRARY = frozenset({"setup.py", "setup.cfg", "pyproject.toml"})
_NOT_SERVED = frozenset({"examples", "example", "docs", "doc", "samples", "demo", "demos"})
MAX_FACTS = 200_000  # dependencies that are kept; a tree with more is no tree of one project


@dataclass(frozen=True, slots=True)
class Placed:
    """A breach, the file in which it stands, and what of its line goes into its id."""

    path: str
    breach: Breach
    anchor: str = ""
    id: str = ""


@dataclass
class Tree:
    """What is gathered from the files as they come."""

    paths: list[str]
    licences: Licences
    kinds: Counter[Kind] = field(default_factory=Counter)
    placed: list[Placed] = field(default_factory=list)
    serves: list[tuple[str, Serves]] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)
    copies: list[tuple[str, int]] = field(default_factory=list)

    def take(self, seen: Inspected) -> Inspected:
        """Keep what was found in a file; answers the little that the list of files needs."""
        if not isinstance(seen, Examined):
            return seen
        self.kinds.update(seen.kinds)
        anchors = iter(seen.anchors)
        for one in seen.said:
            match one:
                case Breach():
                    self.placed.append(Placed(one.file or seen.path, one, next(anchors)))
                case LicenceText():
                    self.licences.texts[seen.path] = one
                case SourceHeader():
                    self.licences.headers[seen.path] = one
                case Manifest():
                    self.licences.manifests[seen.path] = one
                case Dependency():
                    if len(self.licences.dependencies) < MAX_FACTS:
                        self.licences.dependencies.append((seen.path, one))
                case HeaderSent():
                    self.sent.add(one.name)
                case Serves():
                    if _is_served(seen.path):
                        self.serves.append((seen.path, one))
                case CopiesEverything():
                    self.copies.append((seen.path, one.line))
        return Inspected(seen.file, (), seen.skipped, seen.seen)


def whole(tree: Tree, root: Path, sources: Sequence[Source], policy: Policy) -> Iterator[Placed]:
    """Answer what only the whole workspace shows."""
    yield from _placed(missing(tree.paths, policy.required))
    max_mb = policy.option("files.large-binary", "max_mb")
    for path in tree.paths:
        yield from (Placed(path, one) for one in by_name(root, path, max_mb=max_mb))
    yield from _placed(judge_licences(tree.licences, policy))
    yield from _placed(_locks(tree))
    yield from _placed(judge_headers(tree.serves, frozenset(tree.sent)))
    yield from _placed(_ignores(tree))
    for source in sources:
        why = source.skipped or ("binary in part" if source.disguised else None)
        if why is not None and is_held_to_rules(source.path):
            held = "it is held to no rule" if source.skipped else "rules see only what is text"
            said = f"{PurePath(source.path).name}: {why}: {held}."
            yield Placed(source.path, Breach("files.unreadable", 1, said))


def lost(path: str, reason: str) -> Iterator[Placed]:
    """Answer for a file that brought the checks down: if rules are for it, that is a violation itself."""
    if is_held_to_rules(path):
        said = f"{PurePath(path).name}: {reason}: it is held to no rule."
        yield Placed(path, Breach("files.unreadable", 1, said[:300]))


def _is_served(path: str) -> bool:
    """Tell whether what serves pages is part of the product: no test, no example, no others' code."""
    aside = not _NOT_SERVED.isdisjoint(path.split("/")[:-1])
    return not (aside or is_others(path) or is_test(PurePath(path)))


def _placed(breaches: Iterator[Breach]) -> Iterator[Placed]:
    for one in breaches:
        yield Placed(one.file or "", replace(one, file=None))


def _locks(tree: Tree) -> Iterator[Breach]:
    """Look for a lock file beside each manifest, or above it: workspaces have one at their top."""
    have = set(tree.paths)
    for path, manifest in sorted(tree.licences.manifests.items()):
        above = [str(one) for one in PurePath(path).parents]
        places = [
            f"{folder}/{lock}" if folder != "." else lock for folder in above for lock in manifest.locks
        ]
        if manifest.locks and have.isdisjoint(places):
            wanted = " or ".join(manifest.locks[:3])
            said = f"{path.rpartition('/')[2]} leaves versions open; there is no {wanted}."
            softer: Severity | None = None
            if path.endswith(".txt"):
                said = f"{path.rpartition('/')[2]} leaves versions open."
                # A library leaves this to its users; below the top they are mostly for documents.
                softer = "LOW" if "/" in path or not have.isdisjoint(_LIBRARY) else None
            yield Breach("files.lock-missing", manifest.line, said, softer, file=path)


def _ignores(tree: Tree) -> Iterator[Breach]:
    """Look for the ignore file of each Dockerfile that copies everything: its own, beside it, at the top."""
    have = set(tree.paths)
    first: dict[str, int] = {}
    for path, line in sorted(tree.copies):
        first.setdefault(path, line)
    for path, line in first.items():
        folder = path.rpartition("/")[0]
        beside = f"{folder}/.dockerignore" if folder else ".dockerignore"
        if have.isdisjoint({f"{path}.dockerignore", beside, ".dockerignore", ".containerignore"}):
            said = "The whole folder is copied, and there is no .dockerignore."
            yield Breach("containers.copies-everything", line, said, file=path)
