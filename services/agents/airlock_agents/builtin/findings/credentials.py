"""detect-secrets on one file: its plugins and heuristics, none of the workspace's wishes, no secret kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from detect_secrets.filters.allowlist import is_line_allowlisted
from detect_secrets.settings import default_settings, get_filters, get_plugins, get_settings
from detect_secrets.transformers import get_transformed_file
from detect_secrets.util.code_snippet import get_code_snippet

from . import examples, secret_kinds
from .files import MAX_LINE, long_lines, split_lines
from .finding import Finding
from .prose import Prose
from .severities import Severity, is_document

# Filters of detect-secrets that are not applied: the first lets the workspace choose what is seen, the others
# go by a file's name, which proves nothing. What is binary was left out before, by content.
_NOT_OBEYED = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_swagger_file",
    "detect_secrets.filters.heuristic.is_non_text_file",
    "detect_secrets.filters.heuristic.is_lock_file",
)

# Lock files are lists of digests: entropy says nothing there, the other detectors do.
_LOCK_NAMES = re.compile(
    r"(?i)(.*[.-]lock(\.json|\.ya?ml)?|.*\.lockb?|go\.sum|requirements.*\.txt|.*shasums?.*)"
)

# Every detector needs an assignment, a quote, an address, a key's header or a long run of letters and digits.
_WORTH_A_LOOK = re.compile(r"[=:\"'`]|BEGIN|[A-Za-z0-9_+/-]{16}")

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class _Detected:
    kind: str
    line: int
    example: bool  # the value is one that people write in examples; the value itself is not kept
    prose: bool  # the value may be a word or a sentence
    comment: bool = False  # it stands in a comment or docstring, and may have been thought up for it
    name: str = ""  # what the secret is called on its line; never a part of one


class Credentials:
    """Detectors with settings of our own; `scratch` is where copies for them are written."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._settings = default_settings()
        self._settings.__enter__()  # for the life of this process: the settings are global to it
        get_settings().disable_filters(*_NOT_OBEYED)
        get_settings().disable_plugins("IPPublicDetector")  # an address is no secret

    def check(self, path: str, shown: str, text: str, *, plain: bool = False) -> list[Finding]:
        """Answer the secrets in a file's text, one finding for each line that has any.

        `plain` reads every file line by line, also those whose structure (YAML, INI) the detectors know.
        """
        lines = split_lines(text)
        by_line: dict[int, list[_Detected]] = {}
        # Nothing is lowered in a file that brought a reader of its structure down: Prose is one, too.
        prose = None if plain else Prose(path, lines)
        for one in self._detect(".txt" if plain else PurePath(path).suffix, lines, prose):
            if one.kind in secret_kinds.ENTROPY and _LOCK_NAMES.fullmatch(PurePath(path).name):
                continue
            by_line.setdefault(one.line, []).append(one)
        pieces = long_lines(text)
        for one in self._detect(".txt", [piece for _, piece in pieces], None) if pieces else ():
            line = pieces[one.line - 1][0]
            # What stands far behind in a line is mostly made by machines: entropy says nothing there.
            if one.kind not in secret_kinds.ENTROPY:
                by_line.setdefault(line, []).append(replace(one, line=line))
        guesses = sum(all(one.kind in secret_kinds.ENTROPY for one in found) for found in by_line.values())
        data = guesses >= secret_kinds.MANY_GUESSES
        return [_finding(detected, shown, lines, data=data) for detected in by_line.values()]

    def _detect(self, suffix: str, lines: list[str], prose: Prose | None) -> list[_Detected]:
        # A copy in UTF-8 under a name of ours: the detectors open files themselves, in the locale's encoding,
        # and what a hostile name would do to them need not be found out. They do look at the suffix.
        copy = self._scratch / ("looked-at" + (suffix if _SUFFIX.fullmatch(suffix) else ".txt"))
        copy.write_text("\n".join(line.replace("\r", " ") for line in lines) + "\n", encoding="utf-8")
        try:
            return _scan(copy, prose)
        except MemoryError:
            raise
        except Exception:  # the edge to the tool: what its reader of YAML or INI cannot take is plain text
            return _scan(copy.rename(copy.with_suffix(".txt")), prose)


def _scan(path: Path, prose: Prose | None) -> list[_Detected]:
    """Do what detect-secrets' own scan_file does (same readers, plugins and filters), in a third of the time.

    Most of its time goes into finding out, for each line and plugin, which arguments a function takes.
    """
    with path.open(encoding="utf-8") as file:
        lines = get_transformed_file(file) or list(file)
        if found := _scan_lines(str(path), lines, prose):
            return found
        file.seek(0)
        lines = get_transformed_file(file, use_eager_transformers=True) or []
        return _scan_lines(str(path), lines, prose)


def _scan_lines(path: str, lines: list[str], prose: Prose | None) -> list[_Detected]:
    plugins, filters = get_plugins(), get_filters()
    found = []
    for number, line in enumerate(map(str.rstrip, lines), start=1):
        if not _WORTH_A_LOOK.search(line):
            continue
        here: list[_Detected] = []
        values: list[str] = []
        for plugin in plugins:
            for one in plugin.analyze_line(filename=path, line=line, line_number=number) or ():
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
                    here.append(_Detected(kind, place, _is_example(line, value), words, comment))
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


def _is_example(line: str, value: str) -> bool:
    known = secret_kinds.is_placeholder(value) or examples.is_example_value(value)
    return known or examples.is_example_login(line, value)


def _only_said(kind: str, value: str, line: int, prose: Prose) -> bool:
    """Tell whether a secret stands in a comment, unless it has the shape of a real one."""
    loud = secret_kinds.severity_of(kind) == "CRITICAL" or examples.looks_made(value)
    return not loud and prose.holds(line, value)


def _finding(detected: list[_Detected], shown: str, lines: list[str], *, data: bool) -> Finding:
    kinds = {one.kind for one in detected}
    kind, *others = sorted(kinds, key=lambda one: (-secret_kinds.precision(one), one))
    line = detected[0].line
    severity, confidence = secret_kinds.severity_of(kind), secret_kinds.confidence_of(kind)
    if all(one.prose for one in detected):
        severity, confidence = "MEDIUM", "LOW"
    elif data and kinds <= secret_kinds.ENTROPY:
        severity = "LOW"
    unlowered, message = severity, secret_kinds.MESSAGE
    if why := _lowered(detected, shown, severity, lines):
        severity, confidence, message = "LOW", "LOW", why
    context = get_code_snippet(lines, line)
    there = lines[line - 1] if line <= len(lines) else ""
    return Finding(
        rule=kind,
        severity=severity,
        confidence=confidence,
        file=shown,
        line=line,
        message=message.format(kind=kind.replace("-", " ")),
        tool="detect-secrets",
        unlowered=unlowered,
        suppressed=bool(is_line_allowlisted("file" + PurePath(shown).suffix, there, context)),
        also=tuple(others),
        anchor=detected[0].name,  # nothing else of the line: it is the secret
    )


def _lowered(detected: list[_Detected], shown: str, severity: Severity, lines: list[str]) -> str | None:
    """Answer the message of a secret that is most likely none, which says why."""
    if all(one.example or _is_bare_header(one, lines) for one in detected):
        return secret_kinds.EXAMPLE
    if all(one.example or one.comment for one in detected):
        return secret_kinds.COMMENT
    # A key or a provider's token is no sample anywhere.
    return secret_kinds.SAMPLE if is_document(PurePath(shown)) and severity != "CRITICAL" else None


def _is_bare_header(one: _Detected, lines: list[str]) -> bool:
    there = lines[one.line - 1] if one.line <= len(lines) else ""
    # What is cut from a long line may be the key.
    return one.kind == "private-key" and len(there) < MAX_LINE and examples.is_bare_header(lines, one.line)


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")
