"""Which part of a file's lines a program would run, and which is said to people: comments and docstrings."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Sequence
from functools import cached_property
from pathlib import PurePath

_PYTHON = frozenset({".py", ".pyw", ".pyi"})
_HASH, _SLASHES, _DASHES, _SEMICOLON = ("#",), ("//", "/*", "*"), ("--", "/*"), ("#", ";")
_COMMENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((".sh", ".bash", ".yml", ".yaml", ".toml", ".rb", ".pl", ".tf", ".env", ".conf"), _HASH),
    **dict.fromkeys((".properties", ".mk", ".r", ".ex", ".exs"), _HASH),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".scala"), _SLASHES),
    **dict.fromkeys((".groovy", ".go", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".rs", ".swift"), _SLASHES),
    **dict.fromkeys((".sql", ".lua", ".hs"), _DASHES),
    **dict.fromkeys((".ini", ".cfg"), _SEMICOLON),
    ".php": ("//", "/*", "*", "#"),
}
_NAMES = {"dockerfile": _HASH, "makefile": _HASH, "containerfile": _HASH, ".env": _HASH}
_BLOCK_END = "*/"

_SILENT = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.ENCODING})
_BEGINS = frozenset({tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})
_ENDS = frozenset({tokenize.NEWLINE, tokenize.ENDMARKER})


class Prose:
    """The comments and docstrings of one file; looked for when first asked about."""

    def __init__(self, path: str, lines: Sequence[str]) -> None:
        self._path = PurePath(path)
        self._lines = lines

    def holds(self, line: int, value: str) -> bool:
        """Tell whether a value stands on a line (from 1) in a comment or docstring and nowhere else on it."""
        if not 1 <= line <= len(self._lines) or not value or value not in self._lines[line - 1]:
            return False
        return value not in self._code[line - 1]

    @cached_property
    def _code(self) -> list[str]:
        """The lines without what is said to people."""
        if self._path.suffix.lower() in _PYTHON:
            try:
                return _python(self._lines)
            except (tokenize.TokenError, SyntaxError, ValueError):
                return [_without(line, _HASH) for line in self._lines]
        named = _NAMES.get(self._path.name.lower(), ())
        openings = _COMMENTS.get(self._path.suffix.lower(), named)
        return [_without(line, openings) for line in self._lines]


def _without(line: str, openings: tuple[str, ...]) -> str:
    """Answer a line, or of one that begins as a comment nothing but what stands behind it."""
    if not openings or not line.lstrip().startswith(openings):
        return line
    if _BLOCK_END in line and "/*" in openings:
        return line.partition(_BLOCK_END)[2]
    return ""


def _python(lines: Sequence[str]) -> list[str]:
    """Blank comments, and strings that are a statement of their own."""
    code = list(lines)
    text = "\n".join(line.replace("\r", " ").replace("\f", " ") for line in lines) + "\n"
    before = tokenize.NEWLINE
    said: tokenize.TokenInfo | None = None  # a string with which a statement begins
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            _blank(code, token)
        if token.type in _SILENT:
            continue
        if said is not None and token.type in _ENDS:
            _blank(code, said)
        begins = token.type == tokenize.STRING and before in _BEGINS
        said = token if begins and "f" not in token.string[:2].lower() else None
        before = token.type
    return code


def _blank(code: list[str], token: tokenize.TokenInfo) -> None:
    (first, start), (last, end) = token.start, token.end
    for number in range(first, last + 1):
        line = code[number - 1]
        left = start if number == first else 0
        right = end if number == last else len(line)
        code[number - 1] = line[:left] + " " * (right - left) + line[right:]
