"""What lies in a workspace: which files are looked at, and why the others are not."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 1024 * 1024  # larger ones are data or made by machines; this takes seconds
MAX_LINE = 5_000  # characters of a line that detectors see at once: their patterns are not all linear
OVERLAP = 1_000  # characters that two pieces of a long line share, so that nothing hides between them
_SNIFF = 8 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# A file that is to be run or obeyed is text, whatever bytes stand in front of it.
_CODE = re.compile(
    r"(?i).*\.(py|pyw|pyi|js|jsx|mjs|cjs|ts|tsx|php\d?|phtml|java|jsp|kt|kts|scala|groovy|gradle|cs|cshtml|go|rb|erb|rake"
    r"|sh|bash|zsh|ksh|fish|pl|pm|lua|tcl|awk|r|jl|ps1|psm1|bat|cmd|rs|c|h|cc|cpp|hpp|m|swift|dart|exs?|clj|mk|cmake"
    r"|html?|vue|svelte|jinja2?|j2|twig|ejs|hbs|ya?ml|json|toml|ini|cfg|conf|env|properties|xml|sql|tf|tfvars|service)"
)
_CODE_NAMES = re.compile(
    r"(?i)(?:.*\.)?(?:(?:gnu)?makefile|dockerfile|containerfile|jenkinsfile|vagrantfile|rakefile|gemfile|procfile|justfile"
    r"|caddyfile)(?:\..*)?|\.(?:env|envrc|netrc|pgpass|npmrc|pypirc|htpasswd|htaccess)(?:\..*)?"
)
_ASCII_RUN = re.compile(rb"[\n\t -~]{24}")  # in UTF-16 that is twelve letters in a row of rare scripts
_BINARY_SHARE = 0.1  # of the first bytes: controls that no text has
_CONTROLS = bytes(one for one in range(32) if one not in b"\t\n\r\x0c\x1b")
# Git takes no file below a folder of this name, so it is no part of a repository; .svn and .hg may well be.
_HISTORY = ".git"
VERSION_CONTROL = "version control data"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to look at, or one left out with the reason."""

    path: str  # relative to the workspace, as the file system spells it
    python: bool = False
    skipped: str | None = None
    binary: bool = False
    disguised: bool = False  # it begins like a binary, and is looked at as the text that its name says it is
    in_blocks: bool = False  # what is left out here can be searched for secrets in blocks


def list_sources(root: Path, *, most: int = MAX_FILE_BYTES) -> Iterator[Source]:
    """List the workspace's files in a stable order; git's own data counts as one.

    Binaries and files of more than `most` bytes are left out, and may be searched in blocks.
    """
    for folder, names, files in os.walk(root):
        names.sort()
        inside = os.path.relpath(folder, root)
        if _HISTORY in names:
            names.remove(_HISTORY)
            yield Source(os.path.normpath(os.path.join(inside, _HISTORY)), skipped=VERSION_CONTROL)
        for name in sorted(files):
            yield _classify(root, os.path.normpath(os.path.join(inside, name)), most)


def read_text(path: Path) -> str:
    """Read a text file, whatever its encoding: what is no UTF-8 is read as Latin-1, which never fails.

    All its lines end in a newline, also those of others' systems: none of them hides what stands behind it.
    """
    return _decoded(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(raw: bytes) -> str:
    marked = raw.startswith(_UTF16)
    if encoding := "utf-16" if marked else _bare_utf16(raw[:_SNIFF]):
        # A mark, or a few such words in front, may be all of it that is UTF-16; a shell reads on behind them.
        if _ASCII_RUN.search(raw):
            return raw.replace(b"\0", b"").decode("latin-1")
        return raw.decode(encoding, "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def split_lines(text: str) -> list[str]:
    """Split as editors number lines (newline, return, or both), each cut to what detectors may see."""
    return [_without_newline(line)[:MAX_LINE] for line in io.StringIO(text, newline=None)]


def long_lines(text: str) -> list[tuple[int, str]]:
    """Answer what `split_lines` cuts off, with the lines' numbers, in pieces that overlap."""
    return [
        (number, line[start : start + MAX_LINE])
        for number, line in enumerate(map(_without_newline, io.StringIO(text, newline=None)), start=1)
        for start in range(MAX_LINE - OVERLAP, len(line) - OVERLAP, MAX_LINE - OVERLAP)
    ]


def _without_newline(line: str) -> str:
    return line.removesuffix("\n")


def _classify(root: Path, path: str, most: int) -> Source:
    full = os.path.join(root, path)
    try:
        with open(full, "rb") as file:
            size = os.fstat(file.fileno()).st_size  # of what a link leads to, too
            head = file.read(_SNIFF)
    except OSError as error:
        return Source(path, skipped=f"cannot be read ({error.strerror})")
    script, name = head.startswith(b"#!"), os.path.basename(path)
    code = script or _CODE.fullmatch(name) or _CODE_NAMES.fullmatch(name)
    binary = _is_binary(head)
    if binary and not code:
        return Source(path, skipped="binary", binary=True, in_blocks=True)
    if size > most:
        return Source(path, skipped=f"larger than {most} bytes", in_blocks=True)
    python = script and b"python" in head.split(b"\n", 1)[0]
    return Source(path, python=python or path.lower().endswith((".py", ".pyw", ".pyi")), disguised=binary)


def _is_binary(head: bytes) -> bool:
    """Tell binary from text by its share of controls: one null byte in front makes no picture of a script."""
    if b"\0" not in head or head.startswith(_UTF16) or _bare_utf16(head) is not None:
        return False
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls > _BINARY_SHARE * len(head)


def _bare_utf16(head: bytes) -> str | None:
    """Answer which UTF-16 a text without a mark is in, if it is: every other byte of it is null."""
    half = len(head) // 2
    if half < 4:
        return None
    even, odd = head[0 : 2 * half : 2].count(0), head[1 : 2 * half : 2].count(0)
    if odd > 0.6 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * half and odd < 0.05 * half else None
