"""Readers of lock files: what is installed, exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .dependency import Dependency, dependency

Found = Iterator[Dependency | None]

_KEY = re.compile(r'"([^"\n]{1,300})"\s*:\s*\{')
_NAME = re.compile(r'"name"\s*:\s*"([^"\n]{1,300})"')
_MAX_DEPTH = 60  # of packages in packages


def python_toml(text: str) -> Found:
    """poetry.lock, uv.lock, pdm.lock, pylock.toml."""
    return _toml_packages(text, "PyPI")


def cargo(text: str) -> Found:
    """Cargo.lock."""
    return _toml_packages(text, "crates.io")


def _toml_packages(text: str, ecosystem: str) -> Found:
    name, line, inside = "", 0, False
    for number, row in enumerate(text.split("\n"), start=1):
        if row.startswith("["):
            inside = re.match(r"\[\[packages?\]\]", row) is not None
            name = ""
        elif inside and (found := re.match(r'(name|version)\s*=\s*"([^"]{1,300})"', row)):
            if found[1] == "name":
                name, line = found[2], number
            elif name:
                yield dependency(ecosystem, name, found[2], line)


def pipfile(text: str) -> Found:
    """Pipfile.lock."""
    document, lines = _json(text), _lines(text, _KEY)
    for part in ("default", "develop"):
        for name, entry in _items(document.get(part)):
            version = entry.get("version")
            if isinstance(version, str) and version.startswith("=="):
                yield dependency("PyPI", name, version.lstrip("="), lines.get(name, 1))


def npm(text: str) -> Found:
    """package-lock.json and npm-shrinkwrap.json, versions 1 to 3."""
    document, lines = _json(text), _lines(text, _KEY)
    for place, entry in _items(document.get("packages")):
        if "node_modules/" in place and not entry.get("link"):
            name = entry.get("name") or place.rsplit("node_modules/", 1)[1]
            yield _text_dependency("npm", name, entry.get("version"), lines.get(place, 1))
    if "packages" not in document:
        pending = [(document, 0)]
        while pending:
            above, depth = pending.pop()
            for name, entry in _items(above.get("dependencies")):
                yield _text_dependency("npm", name, entry.get("version"), lines.get(name, 1))
                if depth < _MAX_DEPTH:
                    pending.append((entry, depth + 1))


def yarn(text: str) -> Found:
    """yarn.lock, of yarn 1 and of yarn 2 and newer."""
    name, line = "", 0
    for number, row in enumerate(text.split("\n"), start=1):
        if row and not row[0].isspace() and not row.startswith("#"):
            first = row.split(",", 1)[0].strip().strip('":')
            found = re.match(r"(@?[^@\s]{1,214})@(?:npm:(?:(@?[^@\s]{1,214})@)?)?", first)
            name, line = (found[2] or found[1] if found else ""), number
        elif name and (found := re.match(r'\s+version:?\s+"?([^"\s]{1,128})"?', row)):
            yield dependency("npm", name, found[1], line)
            name = ""


def pnpm(text: str) -> Found:
    """pnpm-lock.yaml: its keys say it all, so that no YAML needs to be read."""
    inside = False
    for number, row in enumerate(text.split("\n"), start=1):
        if row and not row[0].isspace():
            inside = row.startswith(("packages:", "snapshots:"))
        elif inside and (
            found := re.match(
                r"  ['\"]?/?(@?[^@\s'\"():]{1,214}?)[@/](\d[^\s'\"():_]{0,127})[^:]{0,2000}:", row
            )
        ):
            yield dependency("npm", found[1], found[2], number)


def go_sum(text: str) -> Found:
    """go.sum; it names more than is built, so that go.mod is believed where both are."""
    for number, row in enumerate(text.split("\n"), start=1):
        if found := re.match(r"(\S{1,214}) (v\S{1,120}) h1:", row):
            if not found[2].endswith("/go.mod"):
                yield dependency("Go", found[1], found[2], number, locked=False)


def gemfile(text: str) -> Found:
    """Gemfile.lock."""
    for number, row in enumerate(text.split("\n"), start=1):
        if found := re.fullmatch(r" {4}([\w.-]{1,200}) \((\d[\w.]{0,60})(?:-[\w-]{1,60})?\)", row):
            yield dependency("RubyGems", found[1], found[2], number)


def composer(text: str) -> Found:
    """composer.lock."""
    document, lines = _json(text), _lines(text, _NAME)
    for part in ("packages", "packages-dev"):
        packages = document.get(part)
        for entry in packages if isinstance(packages, list) else ():
            if isinstance(entry, dict):
                yield _text_dependency(
                    "Packagist", entry.get("name"), entry.get("version"), lines.get(str(entry.get("name")), 1)
                )


def gradle(text: str) -> Found:
    """gradle.lockfile."""
    for number, row in enumerate(text.split("\n"), start=1):
        if found := re.match(r"([\w.-]{1,150}:[\w.-]{1,100}):([\w.+-]{1,100})=", row):
            yield dependency("Maven", found[1], found[2], number)


def nuget(text: str) -> Found:
    """packages.lock.json."""
    document, lines = _json(text), _lines(text, _KEY)
    for _, framework in _items(document.get("dependencies")):
        for name, entry in _items(framework):
            yield _text_dependency("NuGet", name, entry.get("resolved"), lines.get(name, 1))


def _json(text: str) -> dict[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _items(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, entry in value.items() if isinstance(value, dict) else ():
        if isinstance(entry, dict):
            yield name, entry


def _lines(text: str, pattern: re.Pattern[str]) -> dict[str, int]:
    """Answer the line on which each name stands first."""
    lines: dict[str, int] = {}
    number = done = 0
    for found in pattern.finditer(text):
        number += text.count("\n", done, found.start())
        done = found.start()
        lines.setdefault(found[1], number + 1)
    return lines


def _text_dependency(ecosystem: str, name: Any, version: Any, line: int) -> Dependency | None:
    if not isinstance(name, str) or not isinstance(version, str):
        return None
    return dependency(ecosystem, name, version, line)
