"""One value of an INI file (setup.cfg, tox.ini, pip.conf): its line gets another value."""

from __future__ import annotations

import configparser
import re

from ..diff import lines
from ..reason import AROUND, Reason
from .plain_text import plain
from .setting import ALREADY, MISSING, OTHER_NOW, TWICE, Value, shown

_SECTION = re.compile(r"\[([^\]]+)\]")
_KEY = re.compile(r"([^\s:=#;\[][^:=]*?)([ \t]*[:=][ \t]*)(.*?)(\s+[#;].*)?(\r?\n)?")


def changed(text: str, wished: Value) -> str | Reason:
    """Answer the file with the value set, or why it is left as it is."""
    if len(wished.path) != 2:
        return Reason("the path of an INI value is its section and its name")
    section, name = (str(part) for part in wished.path)
    value = plain(wished.value)
    if value is None or value != value.strip() or value[:1] in ("#", ";") or re.search(r"\s[#;]", value):
        return Reason("such a value cannot stand in an INI file")
    before = _read(text)
    if before is None:
        return Reason("the file is no valid INI")
    parts = lines(text)
    places, last = _places(parts, section, name)
    if len(places) > 1:
        return Reason(TWICE.format(path=shown(wished.path)))
    if not places:
        if not wished.add or last is None:
            return Reason(MISSING.format(path=shown(wished.path)))
        end = "\r\n" if parts[last].endswith("\r\n") else "\n"
        if not parts[last].endswith("\n"):
            parts[last] += end
        parts.insert(last + 1, f"{name} = {value}{end}")
    else:
        (at,) = places
        match = _KEY.fullmatch(parts[at])
        if match is None or _goes_on(parts, at):
            return Reason("its value goes on in the next line")
        if wished.now and match[3] != plain(wished.now[0]):
            return Reason(OTHER_NOW.format(path=shown(wished.path)))
        if match[3] == value:
            return Reason(ALREADY)
        parts[at] = match[1] + match[2] + value + (match[4] or "") + (match[5] or "")
    result = "".join(parts)
    after = _read(result)
    before.setdefault(section, {})[name.lower()] = value
    return result if after == before else Reason(AROUND)


def _places(parts: list[str], section: str, name: str) -> tuple[list[int], int | None]:
    """Answer the lines where a name stands in a section, and the section's last line."""
    found: list[int] = []
    here = ""
    last = None
    for index, line in enumerate(parts):
        body = line.strip()
        if (header := _SECTION.match(body)) is not None and not line[0].isspace():
            here = header[1]
        if here == section and body and not body.startswith(("#", ";")):
            last = index
            match = _KEY.fullmatch(line)
            if match is not None and match[1].lower() == name.lower():
                found.append(index)
    return found, last


def _goes_on(parts: list[str], at: int) -> bool:
    following = parts[at + 1] if at + 1 < len(parts) else ""
    return following[:1] in (" ", "\t") and following.strip()[:1] not in ("", "#", ";")


def _read(text: str) -> dict[str, dict[str, str | None]] | None:
    parser = configparser.ConfigParser(
        interpolation=None,
        allow_no_value=True,
        inline_comment_prefixes=("#", ";"),
        default_section="\0",
    )
    try:
        parser.read_string(text)
    except (configparser.Error, AttributeError):  # the latter: a name without value that goes on below
        return None
    return {name: dict(parser.items(name)) for name in parser.sections()}
