"""Which part of a file's lines a program would run, and which is said to people: comments and docstrings."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence
from functools import cached_property
from pathlib import PurePath

_PYTHON = frozenset({".py", ".pyw", ".pyi"})
_HASH, _SEMICOLON, _SLASHES = re.compile(r"#"), re.compile(r"[#;]"), re.compile(r"//|/\*")
_PHP = re.compile(r"//|/\*|#(?!\[)")  # "#[" opens an attribute
_SQL = re.compile(r"--|/\*(?!!)")  # MySQL runs what stands in "/*! */"
_DASHES = re.compile(r"--(?!\[)")  # Lua's "--[[" may end on its line, with code behind it
_COMMENTS: dict[str, re.Pattern[str]] = {
    **dict.fromkeys((".sh", ".bash", ".yml", ".yaml", ".toml", ".rb", ".pl", ".tf", ".env", ".conf"), _HASH),
    **dict.fromkeys((".properties", ".mk", ".r", ".ex", ".exs"), _HASH),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".scala"), _SLASHES),
    **dict.fromkeys((".groovy", ".go", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".rs", ".swift"), _SLASHES),
    **dict.fromkeys((".lua", ".hs"), _DASHES),
    **dict.fromkeys((".ini", ".cfg"), _SEMICOLON),
    ".php": _PHP,
    ".sql": _SQL,
}
_NAMES = {"dockerfile": _HASH, "makefile": _HASH, "containerfile": _HASH, ".env": _HASH}
_BLOCK, _BLOCK_END = "/*", "*/"
_STARRED = re.compile(r"\*+(?:[\s/]|$)")  # how a line within a block begins; "*name" is a dereference

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
                return _without(self._lines, _HASH)
        named = _NAMES.get(self._path.name.lower())
        opening = _COMMENTS.get(self._path.suffix.lower(), named)
        return list(self._lines) if opening is None else _without(self._lines, opening)


def _without(lines: Sequence[str], opening: re.Pattern[str]) -> list[str]:
    """Blank lines that begin as comments, up to the end of a block that ends on them.

    A block is followed only from a line that begins with it, and within it only lines with a star are taken
    for said: what is not told for sure stays code.
    """
    code = []
    blocks, within = opening.match(_BLOCK) is not None, False
    for line in lines:
        begins = line.lstrip()
        said = opening.match(begins) or (within and _STARRED.match(begins))
        code.append((line.partition(_BLOCK_END)[2] if blocks else "") if said else line)
        if within:
            within = _BLOCK_END not in line
        elif blocks and begins.startswith(_BLOCK):
            within = _BLOCK_END not in begins[len(_BLOCK) :]
    return code


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
