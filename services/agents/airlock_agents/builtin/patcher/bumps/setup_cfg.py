"""Dependencies in setup.cfg: requirements on the lines of install_requires and of the extras."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass

from ..diff import lines
from ..reason import AROUND, Reason
from .bump import Bump, raised_requirement, requirement_name

_SECTION = re.compile(r"\[([^\]]+)\]")
_KEY = re.compile(r"([^\s:=#;][^:=]*?)\s*[:=]\s*(.*)")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a requirement stands: in which section's value, on which line, from 0, at which column."""

    where: tuple[str, str]
    line: int
    column: int
    requirement: str
    name: str


def declared(text: str) -> list[str]:
    """List the names that a file declares."""
    return [place.name for place in _places(text)]


def raised(text: str, bump: Bump) -> str | Reason | None:
    """Answer the file with the dependency raised; None if it does not declare it."""
    found = [place for place in _places(text) if bump.means(place.name, "python")]
    if not found:
        return None
    if len(found) > 1:
        return Reason(f"it stands there {len(found)} times: say which by a replacement")
    (place,) = found
    new = raised_requirement(place.requirement, bump.to)
    if isinstance(new, Reason):
        return new
    parts = lines(text)
    line, end = parts[place.line], place.column + len(place.requirement)
    parts[place.line] = line[: place.column] + new + line[end:]
    result = "".join(parts)
    before, after = _values(text), _values(result)
    if before is None or after is None:
        return Reason("the file is no valid INI")
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    return result if changed == {place.where} else Reason(AROUND)


def _values(text: str) -> dict[tuple[str, str], str] | None:
    """Answer every value by its section and its name, None for what is no INI."""
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return {(section, name): value for section in parser.sections() for name, value in parser.items(section)}


def _places(text: str) -> list[_Place]:
    """List the dependencies."""
    found = []
    section = key = ""
    for index, line in enumerate(lines(text)):
        body, column = line.strip(), len(line) - len(line.lstrip())
        if not body or body.startswith(("#", ";")):
            continue
        if (header := _SECTION.fullmatch(body)) is not None:
            section, key = header[1].strip(), ""
            continue
        if not line[0].isspace():
            match = _KEY.match(body)
            key, body = (match[1].lower(), match[2]) if match is not None else ("", "")
            column += match.start(2) if match is not None else 0
        listed = (section, key) in (("options", "install_requires"), ("options", "setup_requires"))
        if (listed or (section == "options.extras_require" and key)) and body:
            name = requirement_name(body)
            if name is not None:
                found.append(_Place((section, key), index, column, body, name))
    return found
