"""Readers of manifests: what is asked for, where it is asked for at one exact version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .dependency import Dependency, dependency

Found = Iterator[Dependency | None]

_PINNED = re.compile(
    r"\s*([A-Za-z0-9][\w.-]{0,200})\s*(?:\[[^\]]{0,200}\])?\s*={2,3}\s*([\w.!+-]{1,100})(?!\S*\*)"
)
_EXACT = re.compile(r"[=v]?(\d+\.\d+\.\d+(?:-[\w.]{1,60})?)")
_COORDINATES = re.compile(r"[\"']([\w.-]{1,150}):([\w.-]{1,100}):(\d[\w.+-]{0,100})(?:@\w+)?[\"']")
_REPLACED = re.compile(r"^[ \t]*(?:replace[ \t]+)?(\S{1,214})(?:[ \t]+v\S{1,120})?[ \t]+=>", re.MULTILINE)
_COMMENT = re.compile(r"<!--[\s\S]*?(?:-->|\Z)")
_NOT_ITSELF = re.compile(r"<(exclusions)>(?:(?!</?\1>)[\s\S]){0,20000}</\1>")
_OF_PLUGIN = re.compile(r"<(dependency|configuration|executions)>(?:(?!</?\1>)[\s\S]){0,20000}</\1>")
_DEPENDENCY = re.compile(r"<(dependency|parent)>((?:(?!</?\1>)[\s\S]){0,4000})</\1>")
_PLUGIN = re.compile(r"<(plugin)>((?:(?!</?\1>)[\s\S]){0,20000})</\1>")
_PARTS = ("dependencies", "devDependencies", "optionalDependencies")


def requirements(text: str) -> Found:
    """requirements.txt and its relatives; pinned with hashes or not, it is what will be installed."""
    for number, row in enumerate(text.split("\n"), start=1):
        if found := _PINNED.match(row):
            yield dependency("PyPI", found[1], found[2], number)


def pyproject(text: str) -> Found:
    """pyproject.toml: the strings of PEP 508 in it."""
    for number, row in enumerate(text.split("\n"), start=1):
        for quoted in re.findall(r"[\"']([^\"']{1,300})[\"']", row[:2_000]):
            if found := _PINNED.match(quoted):
                yield dependency("PyPI", found[1], found[2], number, locked=False)


def package_json(text: str) -> Found:
    """package.json: exact versions only; a range says nothing of what is installed."""
    document = json.loads(text)
    asked = {
        name: version
        for part in _PARTS
        if isinstance(document, dict) and isinstance(document.get(part), dict)
        for name, version in document[part].items()
        if isinstance(version, str)
    }
    for number, row in enumerate(text.split("\n"), start=1):
        found = re.match(r'\s*"([^"\s]{1,214})"\s*:\s*"([^"]{1,100})"', row)
        exact = _EXACT.fullmatch(found[2].strip()) if found and asked.get(found[1]) == found[2] else None
        if found and exact:
            yield dependency("npm", found[1], exact[1], number, locked=False)


def go_mod(text: str) -> Found:
    """go.mod: with its indirect requirements it is what is built."""
    replaced = set(_REPLACED.findall(text))
    inside = False
    for number, row in enumerate(text.split("\n"), start=1):
        inside = (inside or row.startswith("require (")) and not row.startswith(")")
        found = re.match(r"(?:require\s+|\s+)([^\s()]{1,214})\s+(v\d\S{0,120})", row)
        if found and (inside or row.startswith("require")) and "=>" not in row and found[1] not in replaced:
            yield dependency("Go", found[1], found[2], number)


def pom(text: str) -> Found:
    """pom.xml, by its words: an XML parser is what hostile documents are made for.

    What a dependency excludes is not it, and what a plugin needs or is told is not the plugin.
    """
    text = _blanked(_NOT_ITSELF, _blanked(_COMMENT, text))
    properties = dict(re.findall(r"<([\w.-]{1,100})>\s*([^<>\s]{1,100})\s*</\1>", text))
    plugins = _blanked(_OF_PLUGIN, text)
    blocks = [*_DEPENDENCY.finditer(text), *_PLUGIN.finditer(plugins)]
    for block in sorted(blocks, key=lambda one: one.start()):
        parts: dict[str, str] = {}
        for name, value in re.findall(r"<(groupId|artifactId|version)>\s*([^<>\s]{1,200})\s*</\1>", block[2]):
            parts.setdefault(name, value)
        if block[1] == "plugin":
            parts.setdefault("groupId", "org.apache.maven.plugins")  # as Maven does
        version = re.sub(
            r"\$\{([\w.-]+)\}", lambda name: properties.get(name[1], ""), parts.get("version", "")
        )
        if "groupId" in parts and "artifactId" in parts:
            line = text.count("\n", 0, block.start()) + 1
            yield dependency("Maven", f"{parts['groupId']}:{parts['artifactId']}", version, line)


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """Blank what a pattern finds, so that places stay."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def gradle(text: str) -> Found:
    """build.gradle, in either language."""
    for number, row in enumerate(text.split("\n"), start=1):
        for group, artifact, version in _COORDINATES.findall(row[:2_000]):
            yield dependency("Maven", f"{group}:{artifact}", version, number, locked=False)


def dotnet(text: str) -> Found:
    """Projects of .NET."""
    for number, row in enumerate(text.split("\n"), start=1):
        found = re.search(
            r"<Package(?:Reference|Version)\s+Include=\"([^\"]{1,200})\"\s+Version=\"\[?(\d[^\"\],]{0,100})\]?\"",
            row[:2_000],
        )
        if found:
            yield dependency("NuGet", found[1], found[2], number, locked=False)
