"""What looking at one file gives: breaches of rules, and facts that need those of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..findings.finding import Inspected
from ..findings.severities import Severity
from .rules.rule import Kind


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as checks see it."""

    path: str  # relative, as the file system spells it, with slashes
    lines: tuple[str, ...]
    whole: str | None = None  # where the lines are cut: all of the text

    @property
    def name(self) -> str:
        """Answer the last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def text(self) -> str:
        """Answer its lines, as text."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule is broken on a line."""

    rule: str
    line: int  # from 1; 0 where the file is missing
    message: str
    severity: Severity | None = None  # where it differs from the rule's own
    confidence: str = "HIGH"
    tool: str = "airlock"
    suppressed: bool = False  # the file asks tools to look away
    also: tuple[str, ...] = ()
    file: str | None = None  # another file than the one that was looked at
    secret: bool = False  # nothing of the line may go anywhere
    anchor: str = ""  # of a secret: what goes into the id instead


@dataclass(frozen=True, slots=True)
class LicenceText:
    """A file that holds the text of licences: their SPDX ids, none where nothing was recognised."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceHeader:
    """A source file, and the licence that its header names."""

    expression: str | None
    line: int = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """A package manifest: what licence it declares, and whether its dependencies are fixed."""

    ecosystem: str
    licence: str | None  # as it is written
    line: int = 1
    locks: tuple[str, ...] = ()  # names of lock files, any of which fixes the dependencies; none are needed
    private: bool = False  # it says that it is not to be published, or under no licence at all


@dataclass(frozen=True, slots=True)
class Dependency:
    """Somebody else's package that the tree names or holds, and the licence that it declares."""

    name: str
    version: str
    licence: str | None
    line: int = 1
    development: bool = False  # not part of what is shipped


@dataclass(frozen=True, slots=True)
class HeaderSent:
    """A security header (in lower case) that a server or an application sends."""

    name: str


@dataclass(frozen=True, slots=True)
class Serves:
    """A place from which pages are served."""

    line: int
    application: bool  # a program, as against a server's configuration


@dataclass(frozen=True, slots=True)
class CopiesEverything:
    """A Dockerfile copies the whole folder."""

    line: int


Fact = LicenceText | SourceHeader | Manifest | Dependency | HeaderSent | Serves | CopiesEverything
Said = Breach | Fact
Check = Callable[[TextFile], Iterator[Said]]


@dataclass(frozen=True, slots=True)
class Examined(Inspected):
    """What looking at one file gave; `path` is its name as the file system spells it."""

    path: str = ""
    kinds: tuple[Kind, ...] = ()
    said: tuple[Said, ...] = ()
    anchors: tuple[str, ...] = ()  # of the breaches among `said`, in order
