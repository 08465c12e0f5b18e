"""SPDX headers of source files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..facts import Breach, Said, SourceHeader, TextFile
from .names import spdx

HEAD_LINES = 40
_TAG = re.compile(r"SPDX-License-Identifier:\s{0,20}([^\n]{1,500})")
_CLOSING = re.compile(r"\s*(?:\*+/|-->|#\}|%>|\*\))?\s*$")
_SOURCES = tuple(
    ".py .pyi .js .mjs .cjs .ts .tsx .jsx .go .java .kt .rs .c .h .cc .cpp .hpp".split()
    + ".cs .rb .php .swift .scala .sh .vue".split()
)


def is_source(path: str) -> bool:
    """Tell whether a file is source code that people write, by its ending."""
    return path.endswith(_SOURCES) and not path.endswith((".min.js", ".d.ts", "_pb2.py"))


def read_header(file: TextFile) -> Iterator[Said]:
    """Note which licence the head of a source file names; an empty file needs none."""
    if not any(line.strip() for line in file.lines[:HEAD_LINES]):
        return
    for number, line in enumerate(file.lines[:HEAD_LINES], start=1):
        if found := _TAG.search(line):
            declared = _CLOSING.sub("", found[1]).strip()
            known = spdx(declared)
            if known is None:
                said = f"{declared[:80]} is no SPDX expression."
                yield Breach("licences.expression-invalid", number, said)
            yield SourceHeader(known or declared, number)
            return
    yield SourceHeader(None)
