"""Package manifests: what licence they declare, and which lock file their dependencies need."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from ..facts import Manifest, TextFile

_NPM_LOCKS = (
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "npm-shrinkwrap.json",
    "bun.lock",
    "bun.lockb",
)
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PINNED = re.compile(r"===?\s*[^*\s]+\s*(?:[;\\#].*)?$|--hash=")
_ADDRESS = re.compile(
    r"(?:[^\s@]{1,200}\s*@\s*)?([a-z][a-z0-9.+-]{0,20})://[^\s/]*/?([^\s#]*)", re.IGNORECASE
)
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_TAG = re.compile(r"(?!.*\.x$).*\d")  # a name without a digit is a branch's, and so is 2.x
_LOCAL = re.compile(r"[^\s;#]*(?:[/\\]|\.whl\b|\.zip\b|\.tar\.\w+|\.tgz\b)")
_CONSTRAINED = re.compile(r"(?:-c|--constraint)\b")
_SETUP = re.compile(r"^licen[cs]e\s*=\s*(.{1,200})", re.MULTILINE)
_POM = re.compile(r"<license>\s*<name>\s*([^<]{1,200}?)\s*</name>")
_POM_PARENT = re.compile(r"<parent>")
_GEMSPEC = re.compile(r"\.licen[cs]es?\s*=\s*\[?\s*['\"]([^'\"]{1,100})['\"]")
_CLASSIFIER = "License ::"


def is_manifest(name: str) -> bool:
    """Tell whether a file declares a package or its dependencies, by its name."""
    return (
        name in _READERS
        or name.endswith(".gemspec")
        or re.fullmatch(r"requirements([-_.]\w+)?\.txt", name) is not None
    )


def read_manifest(file: TextFile) -> Iterator[Manifest]:
    """Read a manifest. Raises ValueError, and RecursionError, for what is none."""
    if file.name.endswith(".gemspec"):
        found = _GEMSPEC.search(file.text)
        yield Manifest("RubyGems", found[1] if found else None, _line(file, "license"))
    elif file.name.startswith("requirements"):
        yield from _requirements(file)
    else:
        yield from _READERS[file.name](file)


def licence_of_package(document: Mapping[str, Any]) -> str | None:
    """Answer what a package.json declares; older spellings are objects, and lists of them."""
    declared = document.get("license", document.get("licenses"))
    if isinstance(declared, list):
        names = [name for one in declared if (name := _name(one))]
        return " OR ".join(names) or None
    return _name(declared)


def _name(declared: Any) -> str | None:
    value = declared.get("type", declared.get("name")) if isinstance(declared, dict) else declared
    return value if isinstance(value, str) and value.strip() else None


def _package(file: TextFile) -> Iterator[Manifest]:
    document = _object(json.loads(file.text))
    needs = any(document.get(one) for one in ("dependencies", "devDependencies"))
    licence = licence_of_package(document)
    published = bool(document.get("name")) and bool(document.get("version"))
    private = document.get("private") is True or not published or licence == "UNLICENSED"
    yield Manifest("npm", licence, _line(file, '"license'), _NPM_LOCKS if needs else (), private)


def _pyproject(file: TextFile) -> Iterator[Manifest]:
    document = tomllib.loads(file.text)
    project, poetry = _object(document.get("project")), _object(_object(document.get("tool")).get("poetry"))
    if not project and not poetry:
        return  # settings of tools
    licence = project.get("license", poetry.get("license"))
    if isinstance(licence, dict):
        licence = licence.get("text")
        licence = licence if isinstance(licence, str) and len(licence) < 200 else None
    if not licence:
        classifiers = [str(one) for one in _listed(project.get("classifiers", poetry.get("classifiers")))]
        licence = next((one for one in classifiers if one.startswith(_CLASSIFIER)), None)
    private = any("Private ::" in str(one) for one in _listed(project.get("classifiers")))
    declared = licence if isinstance(licence, str) else None
    yield Manifest("PyPI", declared, _line(file, "license"), (), private)


def _setup_cfg(file: TextFile) -> Iterator[Manifest]:
    if "[metadata]" in file.text:
        found = _SETUP.search(file.text)
        text = found[1].strip() if found else None
        yield Manifest("PyPI", None if text and text.startswith("file:") else text, _line(file, "license"))


def _cargo(file: TextFile) -> Iterator[Manifest]:
    document = tomllib.loads(file.text)
    package = _object(document.get("package"))
    if package:
        licence = package.get("license")
        private = package.get("publish") is False
        needs = ("Cargo.lock",) if document.get("bin") else ()
        declared = licence if isinstance(licence, str) else None
        yield Manifest("crates.io", declared, _line(file, "license"), needs, private)


def _composer(file: TextFile) -> Iterator[Manifest]:
    document = _object(json.loads(file.text))
    declared = document.get("license")
    names = _listed(declared) or [declared]
    licence = " OR ".join(one for one in names if isinstance(one, str)) or None
    locks = ("composer.lock",) if document.get("type") == "project" and document.get("require") else ()
    yield Manifest("Packagist", licence, _line(file, '"license'), locks)


def _pom(file: TextFile) -> Iterator[Manifest]:
    found = _POM.search(file.text)
    if found or not _POM_PARENT.search(file.text):
        yield Manifest("Maven", found[1] if found else None, _line(file, "<license>"))


def _go(file: TextFile) -> Iterator[Manifest]:
    if re.search(r"^\s*require\b", file.text, re.MULTILINE):
        yield Manifest("Go", None, 1, ("go.sum",), private=True)


def _gemfile(file: TextFile) -> Iterator[Manifest]:
    if re.search(r"^\s*gem\s", file.text, re.MULTILINE):
        yield Manifest("RubyGems", None, 1, ("Gemfile.lock",), private=True)


def _pipfile(file: TextFile) -> Iterator[Manifest]:
    yield Manifest("PyPI", None, 1, ("Pipfile.lock",), private=True)


def _requirements(file: TextFile) -> Iterator[Manifest]:
    """Read a list of requirements: it is its own lock, if each of them is pinned."""
    texts = [line.strip() for line in file.lines]
    moving = [number for number, text in enumerate(texts, start=1) if _moves(text)]
    if any(_CONSTRAINED.match(text) for text in texts):
        moving = []  # another file has the versions
    locks = (f"{file.name} with versions",) if moving else ()
    yield Manifest("PyPI", None, moving[0] if moving else 1, locks, private=True)


def _moves(line: str) -> bool:
    """Tell whether a line of requirements may install something else tomorrow."""
    if not _REQUIREMENT.match(line) or _PINNED.search(line):
        return False  # an option, a comment, a path; or one version
    if (address := _ADDRESS.match(line)) is not None:
        return "+" in address[1] and not _is_taken_at_a_version(address[2])
    return not _LOCAL.match(line)


def _is_taken_at_a_version(path: str) -> bool:
    """Tell whether a repository is taken at a commit, or at what looks like a tag; a branch moves."""
    _, at, revision = path.rpartition("@")
    name = revision.rpartition("/")[2]
    return bool(at) and (_COMMIT.fullmatch(revision) or _TAG.match(name)) is not None


def _line(file: TextFile, word: str) -> int:
    return next((n for n, line in enumerate(file.lines, start=1) if line.lstrip().startswith(word)), 1)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_READERS = {
    "package.json": _package,
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "Cargo.toml": _cargo,
    "composer.json": _composer,
    "pom.xml": _pom,
    "go.mod": _go,
    "Gemfile": _gemfile,
    "Pipfile": _pipfile,
}
