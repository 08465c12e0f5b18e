"""Which language a file is in, how it writes comments and strings, and its text with both blanked out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Language:
    """A language, as far as a reviewer needs to know it."""

    name: str
    comments: str  # "c" (// and /* */), "hash", "both" or "none"
    measured: bool = True  # lizard knows it
    backtick: bool = False  # a text may stand between backticks
    patterns: bool = False  # a pattern may stand between slashes


_PYTHON = Language("Python", "hash", measured=False)
_JAVASCRIPT = Language("JavaScript", "c", backtick=True, patterns=True)
_TYPESCRIPT = Language("TypeScript", "c", backtick=True, patterns=True)
_SHELL = Language("Shell", "hash", measured=False)

_BY_SUFFIX: Mapping[str, Language] = {
    **dict.fromkeys((".py", ".pyw", ".pyi"), _PYTHON),
    **dict.fromkeys((".js", ".cjs", ".mjs", ".jsx"), _JAVASCRIPT),
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), _TYPESCRIPT),
    **dict.fromkeys((".sh", ".bash", ".zsh"), _SHELL),
    **dict.fromkeys((".c", ".h"), Language("C", "c")),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hh", ".hpp"), Language("C++", "c")),
    **dict.fromkeys((".kt", ".kts"), Language("Kotlin", "c")),
    ".cs": Language("C#", "c"),
    ".go": Language("Go", "c", backtick=True),
    ".java": Language("Java", "c"),
    ".php": Language("PHP", "both"),
    ".rb": Language("Ruby", "hash"),
    ".rs": Language("Rust", "c"),
    ".scala": Language("Scala", "c"),
    ".swift": Language("Swift", "c"),
    ".lua": Language("Lua", "none"),
    ".pl": Language("Perl", "hash"),
    ".sql": Language("SQL", "none", measured=False),
    **dict.fromkeys((".html", ".htm", ".jinja", ".j2"), Language("HTML", "none", measured=False)),
    **dict.fromkeys((".css", ".scss"), Language("CSS", "none", measured=False)),
    **dict.fromkeys((".yaml", ".yml"), Language("YAML", "hash", measured=False)),
}

_SHEBANGS = (("python", _PYTHON), ("node", _JAVASCRIPT), ("bash", _SHELL), ("sh", _SHELL))

# Each of these reads on without looking back, so a hostile text costs no more than its length.
_BLOCK = r"/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)"
_STRINGS = r'"(?:\\.|[^"\\\n])*"?|' + r"'(?:\\.|[^'\\\n])*'?"
_TICKED = r"`(?:\\.|[^`\\])*`?"
_PATTERN = r"(?<=[=(,:!&|?;] )/(?![/*\s])(?:\\.|[^/\\\n])+/|(?<=[=(,:!&|?;])/(?![/*\s])(?:\\.|[^/\\\n])+/"


def language_of(path: str, text: str) -> Language | None:
    """Answer a file's language by its suffix, or else by its first line."""
    known = _BY_SUFFIX.get(PurePath(path).suffix.lower())
    if known is None and text.startswith("#!"):
        program = text.split("\n", 1)[0]
        known = next((language for word, language in _SHEBANGS if word in program), None)
    return known


def blanked(text: str, language: Language) -> tuple[str, int]:
    """Answer the text with comments and the insides of strings as spaces, and how many lines have a comment.

    Lines and columns stay where they are; quotes stay, so an empty string can be told from a full one.
    """
    commented: set[int] = set()
    breaks = [match.start() for match in re.finditer("\n", text)]
    cursor = 0

    def blank(match: re.Match[str]) -> str:
        nonlocal cursor
        found = match[0]
        if found[0] in "\"'`":
            end = found[-1] if len(found) > 1 and found[-1] == found[0] else ""
            inner = found[1 : len(found) - len(end)]
            return found[0] + re.sub(r"[^\n]", " ", inner) + end
        if match.lastgroup == "comment":
            while cursor < len(breaks) and breaks[cursor] < match.start():
                cursor += 1
            commented.update(range(cursor, cursor + found.count("\n") + 1))
        return re.sub(r"[^\n]", " ", found)

    return _tokens(language).sub(blank, text), len(commented)


def _tokens(language: Language) -> re.Pattern[str]:
    comments = {
        "c": rf"//[^\n]*|{_BLOCK}",
        "both": rf"//[^\n]*|(?<![^\s;])\#[^\n]*|{_BLOCK}",
        "hash": r"(?<![^\s;])\#[^\n]*",
        "none": r"(?!)",
    }[language.comments]
    others = [_STRINGS]
    if language.backtick:
        others.append(_TICKED)
    if language.patterns:
        others.insert(0, _PATTERN)
    return re.compile(f"(?P<comment>{comments})|" + "|".join(others), re.DOTALL)
