"""One value of a .env file; what readers of such files do not agree about is left alone."""

from __future__ import annotations

import re

from ..diff import lines
from ..reason import Reason
from .plain_text import plain
from .setting import ALREADY, MISSING, OTHER_NOW, TWICE, Value, shown

_LINE = re.compile(r"(\s*(?:export\s+)?)([A-Za-z_][A-Za-z0-9_.]*)([ \t]*=[ \t]*)(.*?)(\r?\n)?")
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1(\s+#.*|\s*)""")
_BARE = re.compile(r"""([^\s"'#\\`$][^"'\\`$]*?|)(\s+#.*|\s*)""")
_NEEDS_NOTHING = re.compile(r"[A-Za-z0-9_./:@%+,=~^*()?&|<>!;{}\[\]-]*")
_DISPUTED = re.compile(r"""["'\\`$]""")


def changed(text: str, wished: Value) -> str | Reason:
    """Answer the file with the value set, or why it is left as it is."""
    if len(wished.path) != 1:
        return Reason("the path of a value of a .env file is its name")
    name, value = str(wished.path[0]), plain(wished.value)
    if value is None or _DISPUTED.search(value):
        return Reason("readers of .env files would not agree on such a value")
    parts = lines(text)
    places = [(index, match) for index, line in enumerate(parts) if (match := _is(line, name)) is not None]
    if len(places) > 1:
        return Reason(TWICE.format(path=shown(wished.path)))
    if not places:
        if not wished.add or not _LINE.fullmatch(f"{name}="):
            return Reason(MISSING.format(path=shown(wished.path)))
        end = "\r\n" if "\r\n" in text else "\n"
        start = "" if not text or text.endswith("\n") else end
        return f"{text}{start}{name}={_spelled(value, '')}{end}"
    ((at, match),) = places
    quoted, bare = _QUOTED.fullmatch(match[4]), _BARE.fullmatch(match[4])
    if quoted is not None:
        now, quote, rest = quoted[2], quoted[1], quoted[3]
    elif bare is not None:
        now, quote, rest = bare[1], "", bare[2]
    else:
        return Reason("its value is quoted in a way that readers of .env files do not agree on")
    if wished.now and now != plain(wished.now[0]):
        return Reason(OTHER_NOW.format(path=shown(wished.path)))
    if now == value:
        return Reason(ALREADY)
    parts[at] = match[1] + match[2] + match[3] + _spelled(value, quote) + rest + (match[5] or "")
    return "".join(parts)


def _is(line: str, name: str) -> re.Match[str] | None:
    match = _LINE.fullmatch(line)
    return match if match is not None and match[2] == name else None


def _spelled(value: str, quote: str) -> str:
    if not quote and not _NEEDS_NOTHING.fullmatch(value):
        quote = '"'
    return quote + value + quote
