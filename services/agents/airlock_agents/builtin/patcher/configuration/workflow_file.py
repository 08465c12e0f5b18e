"""The commit that a GitHub workflow uses of an action. Source: GitHub, "Secure use reference"."""

from __future__ import annotations

import re

from ..diff import lines
from ..reason import Reason
from .setting import ALREADY, Action

_USES = re.compile(r"""(\s*(?:-\s+)?uses:\s*)(["']?)([^\s@"'#]+)@([^\s"'#]+)\2([ \t]*)(#.*?)?(\r?\n)?""")
_VERSION = re.compile(r"#\s*v?\d[\w.+-]*\s*")


def with_action(text: str, wished: Action) -> str | Reason:
    """Answer the workflow with each use of the action at that commit, or why it is left as it is."""
    parts = lines(text)
    places = {}
    for index, line in enumerate(parts):
        match = _USES.fullmatch(line)
        if match is not None and match[3].lower() == wished.action.lower():
            places[index] = match
    if not places:
        return Reason(f"nothing here uses {wished.action}@...")
    refs = sorted({match[4] for match in places.values()})
    if len(refs) > 1:
        return Reason(f"it is used at {', '.join(refs)}: say which by a replacement"[:300])
    if refs == [wished.sha]:
        return Reason(ALREADY)
    for at, match in places.items():
        comment = match[6] or ""
        if wished.version is not None:
            comment = f"# {wished.version}"
        elif _VERSION.fullmatch(comment):  # it named the version of the commit that went
            comment = ""
        space = (match[5] or " ") if comment else ""
        parts[at] = f"{match[1]}{match[2]}{match[3]}@{wished.sha}{match[2]}{space}{comment}{match[7] or ''}"
    return "".join(parts)
