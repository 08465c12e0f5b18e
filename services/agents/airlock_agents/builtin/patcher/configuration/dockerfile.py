"""A Dockerfile's user and base image. Source: Docker's Dockerfile reference."""

from __future__ import annotations

import re

from ..diff import lines
from ..reason import Reason
from .setting import ALREADY, Image, User

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*?)\s*")
_FROM = re.compile(
    r"(?i)(\s*FROM\s+(?:--\S+\s+)*)([^\s@:$/]+(?:[:/][^\s@:$/]+)*?)(:[^\s@:$/]+)?(@[^\s$]+)?((?:\s.*)?)"
)
_ESCAPE = re.compile(r"#\s*escape\s*=", re.IGNORECASE)
_STARTS = ("CMD", "ENTRYPOINT")


def with_user(text: str, wished: User) -> str | Reason:
    """Answer the Dockerfile whose last stage runs as that user, or why it is left as it is."""
    parts = lines(text)
    found = _instructions(parts)
    if isinstance(found, Reason):
        return found
    stages = [place for place, (_, name, _) in enumerate(found) if name == "FROM"]
    if not stages:
        return Reason("it has no FROM")
    stage = found[stages[-1] + 1 :]
    users = [(at, match) for at, name, match in stage if name == "USER"]
    if users:
        at, match = users[-1]
        if match[2] == wished.user:
            return Reason(ALREADY)
        if match[2].endswith("\\"):
            return Reason("its USER goes on in the next line")
        parts[at] = parts[at][: match.start(2)] + wished.user + parts[at][match.end(2) :]
        return "".join(parts)
    end = "\r\n" if "\r\n" in text else "\n"
    place = next((at for at, name, _ in stage if name in _STARTS), len(parts))
    if place == len(parts) and parts and not parts[-1].endswith("\n"):
        parts[-1] += end
    parts.insert(place, f"USER {wished.user}{end}")
    return "".join(parts)


def with_image(text: str, wished: Image) -> str | Reason:
    """Answer the Dockerfile that names this tag or digest of an image, or why it is left as it is."""
    parts = lines(text)
    found = _instructions(parts)
    if isinstance(found, Reason):
        return found
    places = {}
    for at, name, _ in found:
        match = _FROM.fullmatch(parts[at].rstrip("\r\n")) if name == "FROM" else None
        if match is not None and match[2] == wished.image:
            places[at] = match
    if not places:
        return Reason(f"no FROM names {wished.image} plainly")
    if len({(match[3], match[4]) for match in places.values()}) > 1:
        return Reason(f"it names {wished.image} in more than one version: say which by a replacement")
    for at, match in places.items():
        tag = match[3] or "" if wished.to.startswith("@") else f":{wished.to.partition('@')[0]}"
        digest = "".join(wished.to.partition("@")[1:])
        line = f"{match[1]}{match[2]}{tag}{digest}{match[5]}"
        if line == parts[at].rstrip("\r\n"):
            return Reason(ALREADY)
        parts[at] = line + parts[at][len(parts[at].rstrip("\r\n")) :]
    return "".join(parts)


def _instructions(parts: list[str]) -> list[tuple[int, str, re.Match[str]]] | Reason:
    """Answer the line and the name of each instruction, and where on that line its argument stands."""
    found: list[tuple[int, str, re.Match[str]]] = []
    joined = ""  # the lines of an instruction that goes on
    for index, line in enumerate(parts):
        body = line.strip()
        if not found and _ESCAPE.match(body):
            return Reason("it chooses an escape character of its own")
        if not body or body.startswith("#"):
            continue
        if not joined:
            match = _INSTRUCTION.fullmatch(line)
            if match is None:
                return Reason("it is no Dockerfile that is understood here")
            found.append((index, match[1].upper(), match))
        joined += line.rstrip().removesuffix("\\")
        if "<<" in joined:
            return Reason("it has texts of several lines (<<)")
        if not body.endswith("\\"):
            joined = ""
    return Reason("its last instruction does not end") if joined else found
