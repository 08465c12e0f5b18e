"""The licences that dependencies declare, where the tree has them: lock files and vendored packages."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from email.parser import HeaderParser
from typing import Any

from ...findings.others import is_others
from ..facts import Dependency, TextFile
from .manifests import licence_of_package
from .texts import is_licence_text, recognise

MAX_DEPENDENCIES = 20_000  # of one file
LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "composer.lock")  # those that name licences
_METADATA = re.compile(r"(?s)(?:.*/)?[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)")
_VAGUE = frozenset({"license :: osi approved", "unknown", "none", "dual license"})


def declares_dependencies(path: str) -> bool:
    """Tell whether a file may name the licence of somebody else's package."""
    name = path.rpartition("/")[2]
    if name in LOCKS or (name == "METADATA" and _METADATA.fullmatch(path)):
        return True
    # The egg-info of the repository itself says nothing of others.
    return is_others(path) and (
        _METADATA.fullmatch(path) is not None
        or name in ("package.json", "Cargo.toml")
        or is_licence_text(path)
    )


def read_dependencies(file: TextFile) -> Iterator[Dependency]:
    """Read what a file says of dependencies. Raises ValueError, and RecursionError, for what it cannot be."""
    if file.name == "composer.lock":
        yield from _composer_lock(file)
    elif file.name in LOCKS:
        yield from _package_lock(file)
    elif _METADATA.fullmatch(file.path):
        yield from _metadata(file)
    elif file.name == "package.json":
        document = json.loads(file.text)
        if isinstance(document, dict) and isinstance(document.get("name"), str) and document.get("version"):
            line = _lines(file, '"license')
            yield _dependency(document["name"], document["version"], licence_of_package(document), line)
    elif file.name == "Cargo.toml":
        package = tomllib.loads(file.text).get("package")
        if isinstance(package, dict):
            yield _dependency(package.get("name"), package.get("version"), package.get("license"), 1)
    else:
        ids = recognise(file.text)
        folder = file.path.rpartition("/")[0]
        yield Dependency(folder, "", " AND ".join(ids) or None)


def _package_lock(file: TextFile) -> Iterator[Dependency]:
    packages = json.loads(file.text).get("packages")
    lines = {
        line.strip()[:-3].strip('"'): n
        for n, line in enumerate(file.lines, 1)
        if line.rstrip().endswith('": {')
    }
    for path, one in list(packages.items() if isinstance(packages, dict) else ())[:MAX_DEPENDENCIES]:
        if not isinstance(one, dict) or "node_modules/" not in path or one.get("link"):
            continue
        name = one.get("name") or path.rpartition("node_modules/")[2]
        licence = licence_of_package(one)
        development = one.get("dev") is True or one.get("devOptional") is True
        yield _dependency(name, one.get("version"), licence, lines.get(path, 1), development)


def _composer_lock(file: TextFile) -> Iterator[Dependency]:
    document = json.loads(file.text)
    for key in ("packages", "packages-dev"):
        listed = document.get(key)
        for one in (listed if isinstance(listed, list) else [])[:MAX_DEPENDENCIES]:
            if isinstance(one, dict):
                names = one.get("license")
                texts = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
                line = _lines(file, f'"name": "{one.get("name")}"')
                licence = " OR ".join(texts) or None
                yield _dependency(one.get("name"), one.get("version"), licence, line, key != "packages")


def _metadata(file: TextFile) -> Iterator[Dependency]:
    fields = HeaderParser().parsestr(file.text[:200_000])
    declared = fields.get("License-Expression")
    if not declared:
        classifiers = [one for one in fields.get_all("Classifier", []) if one.startswith("License ::")]
        named = [one for one in classifiers if one.strip().lower() not in _VAGUE and " :: " in one[12:]]
        text = (fields.get("License") or "").strip()
        short = text if text and "\n" not in text and len(text) < 100 and text.lower() not in _VAGUE else None
        declared = short or (named[0] if len(named) == 1 else None)
        if declared is None and len(text) > 100:
            declared = " AND ".join(recognise(text)) or None
    line = next((n for n, one in enumerate(file.lines, 1) if one.startswith("License")), 1)
    yield _dependency(fields.get("Name"), fields.get("Version"), declared, line)


def _dependency(name: Any, version: Any, licence: Any, line: int, development: bool = False) -> Dependency:
    declared = str(licence)[:300] if isinstance(licence, str) and licence.strip() else None
    return Dependency(str(name)[:200], str(version or "")[:60], declared, line, development)


def _lines(file: TextFile, text: str) -> int:
    return next((n for n, line in enumerate(file.lines, start=1) if line.lstrip().startswith(text)), 1)
