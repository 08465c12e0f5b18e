"""Dependencies in setup.cfg: requirements on the lines of install_requires and of the extras."""

from __future__ import annotations

import configparser
import re

from ..diff import lines
from ..reason import Reason
from .bump import Bump, raised_requirement, requirement_name

_SECTION = re.compile(r"\[([^\]]+)\]")
_KEY = re.compile(r"([^\s:=#;][^:=]*?)\s*[:=]\s*(.*)")


def declared(text: str) -> list[str]:
    """List the names that a file declares."""
    return [name for _, _, name in _places(text)]


def raised(text: str, bump: Bump) -> str | Reason | None:
    """Answer the file with the dependency raised; None if it does not declare it."""
    found = [place for place in _places(text) if bump.means(place[2], "python")]
    if not found:
        return None
    if len(found) > 1:
        return Reason(f"it stands there {len(found)} times: say which by a replacement")
    ((at, requirement, _),) = found
    new = raised_requirement(requirement, bump.to)
    if isinstance(new, Reason):
        return new
    parts = lines(text)
    parts[at] = parts[at].replace(requirement, new, 1)
    result = "".join(parts)
    try:
        configparser.ConfigParser(interpolation=None).read_string(result)
    except configparser.Error:
        return Reason("the file is no valid INI")
    return result


def _places(text: str) -> list[tuple[int, str, str]]:
    """Answer the line, the requirement and the name of each dependency."""
    found = []
    section = key = ""
    for index, line in enumerate(lines(text)):
        body = line.strip()
        if not body or body.startswith(("#", ";")):
            continue
        if (header := _SECTION.fullmatch(body)) is not None:
            section, key = header[1].strip(), ""
            continue
        if not line[0].isspace():
            match = _KEY.match(body)
            key, body = (match[1].lower(), match[2]) if match is not None else ("", "")
        listed = (section, key) in (("options", "install_requires"), ("options", "setup_requires"))
        if (listed or (section == "options.extras_require" and key)) and body:
            name = requirement_name(body)
            if name is not None:
                found.append((index, body, name))
    return found
