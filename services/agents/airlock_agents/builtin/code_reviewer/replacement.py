"""What to put in the place of what: from a tool's edits, unless the lines might hold a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .issue import Replacement

MAX_LINES = 20
MAX_TEXT = 2_000  # characters

# A replacement repeats lines of the code. Literals and comments that are more than words, or that stand
# beside a word about credentials, stay where they are: nothing of a secret may leave the workspace.
_CREDENTIALS = re.compile(r"(?i)pass|pwd|secret|token|key|auth|credential|login|private|salt|cookie")
_SAID = re.compile(r"""(?:"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|#[^\n]*)""")
_PLAIN = re.compile(r"""(?:"[^"]*"|'[^']*'|#[^\n]*)""")
_MORE_THAN_WORDS = re.compile(r"[0-9@&$|~^`]|[A-Za-z]{25}")


def replacement(edits: Sequence[Mapping[str, Any]], lines: Sequence[str]) -> Replacement | None:
    """Apply a tool's edits to the lines they touch; answer None if the outcome cannot be shown.

    An edit has `location`, `end_location` and `content`. Lines and columns count from 1; the place
    behind the last line's newline is (line + 1, 1).
    """
    if not edits:
        return None
    first = min(int(one["location"]["row"]) for one in edits)
    last = max(_last_row(one) for one in edits)
    if not 1 <= first <= last <= len(lines) or last - first >= MAX_LINES:
        return None
    text = "".join(f"{line}\n" for line in lines[first - 1 : last])
    starts = [0]
    for line in lines[first - 1 : last]:
        starts.append(starts[-1] + len(line) + 1)

    def place(location: Mapping[str, int]) -> int:
        row, column = int(location["row"]), int(location["column"])
        return starts[min(row - first, len(starts) - 1)] + column - 1

    changed = text
    for one in sorted(edits, key=lambda edit: place(edit["location"]), reverse=True):
        begin, end = place(one["location"]), place(one["end_location"])
        if not 0 <= begin <= end <= len(text):
            return None
        changed = changed[:begin] + one["content"] + changed[end:]
    if len(changed) > MAX_TEXT or not may_be_shown(changed):
        return None
    return Replacement(first, last, changed.removesuffix("\n"))


def may_be_shown(text: str) -> bool:
    """Tell whether lines of code surely hold no secret."""
    said = [one for one in _SAID.findall(text) if len(one) > 2]
    if not text.replace("\n", "").isprintable() or (said and _CREDENTIALS.search(text)):
        return False
    return all(_PLAIN.fullmatch(one) and not _MORE_THAN_WORDS.search(one) for one in said)


def _last_row(edit: Mapping[str, Any]) -> int:
    end = edit["end_location"]
    whole_lines = end["column"] == 1 and end["row"] > edit["location"]["row"]
    return int(end["row"]) - (1 if whole_lines else 0)
