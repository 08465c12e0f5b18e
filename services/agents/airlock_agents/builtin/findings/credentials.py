"""detect-secrets on one file: its plugins and heuristics, none of the workspace's wishes, no secret kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from detect_secrets.filters.allowlist import is_line_allowlisted
from detect_secrets.plugins.keyword import DENYLIST
from detect_secrets.settings import default_settings, get_filters, get_plugins, get_settings
from detect_secrets.transformers import get_transformed_file
from detect_secrets.util.code_snippet import get_code_snippet
from detect_secrets.util.filetype import FileType, determine_file_type

from . import examples, secret_kinds
from .detected import Detected, finding_of, is_guess
from .files import long_lines, split_lines
from .finding import Finding
from .prose import Prose

# Filters of detect-secrets that are not applied: the first lets the workspace choose what is seen, the others
# go by a file's name, which proves nothing, or look whether it is there: lines are looked at without a file,
# too. What is binary was left out before, by content.
_NOT_OBEYED = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_swagger_file",
    "detect_secrets.filters.heuristic.is_non_text_file",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.common.is_invalid_file",
)

# Lock files are lists of digests: entropy says nothing there, the other detectors do.
_LOCK_NAMES = re.compile(
    r"(?i)(.*[.-]lock(\.json|\.ya?ml)?|.*\.lockb?|go\.sum|requirements.*\.txt|.*shasums?.*)"
)

# Every detector needs an assignment, a quote, an address, a key's header or a long run of letters and digits.
_WORTH_A_LOOK = re.compile(r"[=:\"'`]|BEGIN|[A-Za-z0-9_+/-]{16}")

_KEYWORD = "secret-keyword"

# What a line must hold, in small letters, for the slow detectors to see anything in it: most lines have none
# of their words.
_ASSIGNED = ("key", "pw", "pass", "token", "softlayer")
_NEEDED: dict[str, tuple[str, ...]] = {
    _KEYWORD: tuple(word.replace("_?", put) for word in DENYLIST for put in ("_", "")),
    "cloudant-credentials": (*_ASSIGNED, "cloudant"),  # in an address, nothing is assigned
    "ibm-cloud-iam-key": _ASSIGNED,
    "ibm-cos-hmac-credentials": _ASSIGNED,
    "softlayer-credentials": _ASSIGNED,
}

# The detectors' patterns take the cube of a run of blanks, and the square of a word that says "secret" again
# and again: both are shortened, so that no line takes more than a part of a second.
_BLANKS = re.compile(r"(\s{8})\s+")
_LONG_WORD = re.compile(r"\w{501,}")

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")

# The detector of passwords wants quotes, but where a reader of the file's structure puts them; this does it
# for a line alone: a name, a value of one word with a digit, and nothing else.
_VALUE = r"""((?=[^\d\s]{0,200}\d)[^\s"'`$<{(\[/][^\s"'`]{7,200})\s*"""
_UNQUOTED = re.compile(
    r"\s{0,80}(?:export\s{1,8})?([A-Za-z_][\w.-]{0,80})\s{0,8}[=:]\s{0,8}" + _VALUE,
)
_SET_BY_SHELL = re.compile(r"\s{0,80}(?:export\s{1,8})?([A-Za-z_]\w{0,80})=" + _VALUE)
# In quotes these would be taken for passwords: a call or an item of something, and a member that is called as
# secrets are, or is one of settings. Other dotted words may well be a password.
_DOTTED = r"[A-Za-z_]\w*+(?:(?:\??\.|::|->)[A-Za-z_]\w*+)"
_CALL = re.compile(_DOTTED + r"*+[(\[](?:.*[)\]].*|)[;,]?")
_MEMBER = re.compile(_DOTTED + r"++[;,]?")
_OF_SECRETS = re.compile(r"(?i)key|pass|pwd|secret|token|cred|login|env|conf|setting|self|this")


@dataclass(frozen=True, slots=True)
class _Detector:
    plugin: Any
    kind: str
    needed: tuple[str, ...]  # one of these, if any are named

    def may_see(self, line: str) -> bool:
        """Tell whether it may see anything in a line (in small letters)."""
        return not self.needed or any(word in line for word in self.needed)


class Credentials:
    """Detectors with settings of our own; `scratch` is where copies for them are written."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._settings = default_settings()
        self._settings.__enter__()  # for the life of this process: the settings are global to it
        get_settings().disable_filters(*_NOT_OBEYED)
        get_settings().disable_plugins("IPPublicDetector")  # an address is no secret
        kinds = [(one, _slug(one.secret_type)) for one in get_plugins()]
        self._all = [_Detector(one, kind, _NEEDED.get(kind, ())) for one, kind in kinds]
        self._sure = [one for one in self._all if one.kind not in secret_kinds.ENTROPY]

    def check(self, path: str, shown: str, text: str) -> list[Finding]:
        """Answer the secrets in a file's text, one finding for each line that has any."""
        lines = split_lines(text)
        by_line: dict[int, list[Detected]] = {}
        for one in self._detect(path, lines, Prose(path, lines)):
            by_line.setdefault(one.line, []).append(one)
        pieces = long_lines(text)
        # What stands far behind in a line is mostly made by machines: entropy says nothing there.
        for one in self.plainly(path, [piece for _, piece in pieces], guess=False):
            line = pieces[one.line - 1][0]
            by_line.setdefault(line, []).append(replace(one, line=line))
        data = sum(map(is_guess, by_line.values())) >= secret_kinds.MANY_GUESSES
        return [self.finding(detected, shown, lines, data=data) for detected in by_line.values()]

    def finding(
        self, detected: Sequence[Detected], shown: str, lines: list[str], *, data: bool = False
    ) -> Finding:
        """Make one finding of all that was seen on a line, marked if the code asks to overlook it."""
        line = detected[0].line
        there, context = lines[line - 1] if line <= len(lines) else "", get_code_snippet(lines, line)
        suppressed = bool(is_line_allowlisted("file" + PurePath(shown).suffix, there, context))
        return finding_of(detected, shown, lines, data=data, suppressed=suppressed)

    def plainly(self, path: str, lines: Iterable[str], *, guess: bool = True) -> list[Detected]:
        """Answer the secrets in lines, each judged alone; by their entropy only if it may `guess`.

        The next line is asked for when the one before it has been looked at: whoever gives them may end it.
        """
        suffix = PurePath(path).suffix
        name = "looked-at" + (suffix if _SUFFIX.fullmatch(suffix) else ".txt")
        detectors = self._all if guess and not _is_lock(path) else self._sure
        rows = (_with_quotes(line, _UNQUOTED, or_else=line) for line in lines)
        return _scan_lines(name, rows, None, detectors)

    def _detect(self, path: str, lines: list[str], prose: Prose) -> list[Detected]:
        # A copy in UTF-8 under a name of ours: the detectors open files themselves, in the locale's encoding,
        # and what a hostile name would do to them need not be found out. They do look at the suffix.
        suffix = PurePath(path).suffix
        copy = self._scratch / ("looked-at" + (suffix if _SUFFIX.fullmatch(suffix) else ".txt"))
        copy.write_text("\n".join(line.replace("\r", " ") for line in lines) + "\n", encoding="utf-8")
        try:
            found = _scan(copy, prose, self._all)
        except MemoryError:
            raise
        except Exception:  # the edge to the tool: what its reader of YAML or INI cannot take is plain text
            return self.plainly(path, lines)
        if determine_file_type(copy.name) is FileType.OTHER:
            found += self._set_by_shell(copy.name, lines, prose, {one.line for one in found})
        return [one for one in found if one.kind not in secret_kinds.ENTROPY or not _is_lock(path)]

    def _set_by_shell(self, name: str, lines: list[str], prose: Prose, known: set[int]) -> Iterator[Detected]:
        """Answer what is set without quotes.

        The detectors see that only where all of a file can be read as settings, and nothing else was found in
        it: one line that is none, or one decoy, would hide the others.
        """
        rows = (_with_quotes(line, _SET_BY_SHELL, or_else="") for line in lines)
        yield from (one for one in _scan_lines(name, rows, prose, self._sure) if one.line not in known)


def _scan(path: Path, prose: Prose, detectors: Sequence[_Detector]) -> list[Detected]:
    """Do what detect-secrets' own scan_file does (same readers, plugins and filters), in a third of the time.

    Most of its time goes into finding out, for each line and plugin, which arguments a function takes.
    """
    with path.open(encoding="utf-8") as file:
        lines = get_transformed_file(file) or list(file)
        if found := _scan_lines(str(path), lines, prose, detectors):
            return found
        file.seek(0)
        lines = get_transformed_file(file, use_eager_transformers=True) or []
        return _scan_lines(str(path), lines, prose, detectors)


def _scan_lines(
    path: str, lines: Iterable[str], prose: Prose | None, detectors: Sequence[_Detector]
) -> list[Detected]:
    filters = get_filters()
    found = []
    for number, whole in enumerate(lines, start=1):
        line = _BLANKS.sub(r"\1", whole.rstrip())
        if not _WORTH_A_LOOK.search(line):
            continue
        here: list[Detected] = []
        values: list[str] = []
        folded = line.casefold()
        for detector in detectors:
            if not detector.may_see(folded):
                continue
            plugin = detector.plugin
            read = _with_short_words(line) if detector.kind == _KEYWORD else line
            for one in plugin.analyze_line(filename=path, line=read, line_number=number) or ():
                value = one.secret_value or ""
                values.append(value)
                known = {"filename": path, "line": line, "secret": value, "plugin": plugin}
                kind = _slug(one.type)
                if kind in secret_kinds.ENTROPY and secret_kinds.is_digest(value):
                    continue
                if not _filtered(filters, known):
                    place = max(1, one.line_number)
                    comment = prose is not None and _only_said(kind, value, place, prose)
                    words = secret_kinds.is_prose(kind, value)
                    here.append(Detected(kind, place, _is_example(line, value), words, comment))
        if here:
            name = secret_kinds.name_of(line, values)
            found += [replace(one, name=name) for one in here]
    return found


def _filtered(filters: list[Any], known: dict[str, Any]) -> bool:
    for judge in filters:
        wanted = judge.injectable_variables
        if wanted <= known.keys() and judge(**{name: known[name] for name in wanted}):
            return True
    return False


def _with_short_words(line: str) -> str:
    return _LONG_WORD.sub(lambda found: found[0][:250] + found[0][-250:], line)


def _is_lock(path: str) -> bool:
    return _LOCK_NAMES.fullmatch(PurePath(path).name) is not None


def _with_quotes(line: str, pattern: re.Pattern[str], *, or_else: str) -> str:
    found = pattern.fullmatch(line)
    return or_else if found is None or _refers(found[2]) else f'{found[1]} = "{found[2]}"'


def _refers(value: str) -> bool:
    """Tell whether a value without quotes is the name of one that stands elsewhere."""
    if _CALL.fullmatch(value):
        return True
    return _MEMBER.fullmatch(value) is not None and _OF_SECRETS.search(value) is not None


def _is_example(line: str, value: str) -> bool:
    known = secret_kinds.is_placeholder(value) or examples.is_example_value(value)
    return known or examples.is_example_login(line, value)


def _only_said(kind: str, value: str, line: int, prose: Prose) -> bool:
    """Tell whether a secret stands in a comment, unless it has the shape of a real one."""
    loud = secret_kinds.severity_of(kind) == "CRITICAL" or examples.looks_made(value)
    return not loud and prose.holds(line, value)


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")
