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

from . import secret_kinds
from .files import long_lines, split_lines
from .finding import Finding
from .severities import is_document

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
    placeholder: bool  # the value is one that people write in examples; the value itself is not kept
    prose: bool  # the value may be a word or a sentence
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
        for one in self._detect(".txt" if plain else PurePath(path).suffix, lines):
            if one.kind in secret_kinds.ENTROPY and _LOCK_NAMES.fullmatch(PurePath(path).name):
                continue
            by_line.setdefault(one.line, []).append(one)
        pieces = long_lines(text)
        for one in self._detect(".txt", [piece for _, piece in pieces]) if pieces else ():
            line = pieces[one.line - 1][0]
            # What stands far behind in a line is mostly made by machines: entropy says nothing there.
            if one.kind not in secret_kinds.ENTROPY:
                by_line.setdefault(line, []).append(replace(one, line=line))
        guesses = sum(all(one.kind in secret_kinds.ENTROPY for one in found) for found in by_line.values())
        data = guesses >= secret_kinds.MANY_GUESSES
        return [_finding(detected, shown, lines, data=data) for detected in by_line.values()]

    def _detect(self, suffix: str, lines: list[str]) -> list[_Detected]:
        # A copy in UTF-8 under a name of ours: the detectors open files themselves, in the locale's encoding,
        # and what a hostile name would do to them need not be found out. They do look at the suffix.
        copy = self._scratch / ("looked-at" + (suffix if _SUFFIX.fullmatch(suffix) else ".txt"))
        copy.write_text("\n".join(line.replace("\r", " ") for line in lines) + "\n", encoding="utf-8")
        try:
            return _scan(copy)
        except MemoryError:
            raise
        except Exception:  # the edge to the tool: what its reader of YAML or INI cannot take is plain text
            return _scan(copy.rename(copy.with_suffix(".txt")))


def _scan(path: Path) -> list[_Detected]:
    """Do what detect-secrets' own scan_file does (same readers, plugins and filters), in a third of the time.

    Most of its time goes into finding out, for each line and plugin, which arguments a function takes.
    """
    with path.open(encoding="utf-8") as file:
        lines = get_transformed_file(file) or list(file)
        if found := _scan_lines(str(path), lines):
            return found
        file.seek(0)
        return _scan_lines(str(path), get_transformed_file(file, use_eager_transformers=True) or [])


def _scan_lines(path: str, lines: list[str]) -> list[_Detected]:
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
                    placeholder = secret_kinds.is_placeholder(value) or secret_kinds.is_sample_login(
                        line, value
                    )
                    prose = secret_kinds.is_prose(kind, value)
                    here.append(_Detected(kind, max(1, one.line_number), placeholder, prose))
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


def _finding(detected: list[_Detected], shown: str, lines: list[str], *, data: bool) -> Finding:
    kinds = {one.kind for one in detected}
    kind, *others = sorted(kinds, key=lambda one: (-secret_kinds.precision(one), one))
    line = detected[0].line
    severity, confidence = secret_kinds.severity_of(kind), secret_kinds.confidence_of(kind)
    if all(one.placeholder for one in detected):
        severity, confidence = "LOW", "LOW"
    elif all(one.prose for one in detected):
        severity, confidence = "MEDIUM", "LOW"
    elif data and kinds <= secret_kinds.ENTROPY:
        severity = "LOW"
    message = secret_kinds.MESSAGE
    # A key or a provider's token is no sample anywhere.
    if is_document(PurePath(shown)) and severity != "CRITICAL":
        severity, confidence, message = "LOW", "LOW", secret_kinds.SAMPLE
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
        suppressed=bool(is_line_allowlisted("file" + PurePath(shown).suffix, there, context)),
        also=tuple(others),
        anchor=detected[0].name,  # nothing else of the line: it is the secret
    )


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")
