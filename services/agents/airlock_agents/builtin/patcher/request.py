"""What is asked of a proposal, sorted by file: findings, replacements, bumps, configuration changes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from airlock_sdk import WorkspaceError, isolate, tar

from .bumps import manifests
from .bumps.bump import Bump
from .configuration.setting import Change, change_of
from .diff import can_name
from .edits import Wanted
from .kinds import Wish, bump_of, kind_of, left_alone
from .line_edits import LineEdit, line_edit
from .reports import KINDS, SORTS
from .rules import FIXES

MAX_FILE_BYTES = 1024 * 1024  # as in the scanner: larger files are data
MEMORY = 512 * 1024 * 1024  # bytes of address space; the sandbox has 1 GiB with the workspace in it

# What mended things are shown as, in this order: a person looks at style last.
Group = Literal["security", "dependencies", "correctness", "style", "asked for"]
STYLE: Group = "style"
GROUPS: tuple[Group, ...] = ("security", "dependencies", "asked for", "correctness", STYLE)
_HARMFUL = frozenset(
    {"CRITICAL", "HIGH", "MEDIUM"}
)  # of quality and performance: more than a matter of taste


class Asked(Wish, total=False):
    """What is asked, as the input says it; the schema stands in agent.yaml."""

    findings: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    violations: list[dict[str, Any]]
    replacements: list[dict[str, Any]]
    dependencies: list[dict[str, Any]]
    configuration: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Replacement:
    """A wished change: the one place of a file where `find` stands gets `replace`."""

    id: str
    find: str
    replace: str


@dataclass(frozen=True, slots=True)
class Configured:
    """A wished change of configuration."""

    id: str
    change: Change


@dataclass(slots=True)
class Job:
    """What is to be done to one file."""

    file: str
    wanted: list[Wanted] = field(default_factory=list)
    line_edits: list[LineEdit] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)
    bumps: list[Bump] = field(default_factory=list)
    configured: list[Configured] = field(default_factory=list)

    def ids(self) -> list[str]:
        """Name everything that is asked of this file."""
        found = [one.id for one in self.wanted] + [one.id for one in self.line_edits]
        found += [one.id for one in self.replacements]
        return found + [one.id for one in self.bumps] + [one.id for one in self.configured]


@dataclass(frozen=True, slots=True)
class About:
    """What of a finding is said to those who decide about the diff; of what else is asked, its kind."""

    sort: str  # finding, issue, violation, replacement, dependency, configuration
    rule: str
    file: str | None = None
    line: int | None = None
    message: str = ""
    group: Group = "asked for"


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that is asked, and what cannot even be begun: ids with their reasons."""

    jobs: list[Job]
    lost: list[tuple[str, str]]
    about: dict[str, About] = field(default_factory=dict)  # by id


def sort(root: Path, asked: Asked, reported: Mapping[str, list[dict[str, Any]]] | None = None) -> Request:
    """Sort what is asked by file; a finding twice is asked once, one that is not wished for only answered.

    `reported` is what reports list of findings, issues and violations; it is asked like the rest.
    """
    by_file: dict[str, Job] = {}
    lost: list[tuple[str, str]] = []
    about: dict[str, About] = {}

    def job(file: str) -> Job:
        return by_file.setdefault(file, Job(file))

    for one, kind in _findings(asked, reported or {}):
        about[one["id"]] = _about(one, kind)
        if not one.get("file"):
            lost.append((one["id"], "it names no file"))
            continue
        alone = left_alone(one, asked)
        if alone is None and (bump := bump_of(one)) is not None:
            job(one["file"]).bumps.append(bump)
            continue
        if alone is None and one["rule"] not in FIXES and (edit := line_edit(one)) is not None:
            job(one["file"]).line_edits.append(edit)
            continue
        rule = alone or one["rule"]
        job(one["file"]).wanted.append(Wanted(one["id"], rule, one.get("line") or 0, one.get("tool") or ""))
    for number, one in enumerate(asked.get("replacements", []), start=1):
        about[f"replacement-{number}"] = About("replacement", "replacement", one["file"])
        job(one["file"]).replacements.append(
            Replacement(f"replacement-{number}", one["find"], one["replace"])
        )
    for number, one in enumerate(asked.get("configuration", []), start=1):
        about[f"configuration-{number}"] = About("configuration", "configuration", one["file"])
        job(one["file"]).configured.append(Configured(f"configuration-{number}", change_of(one)))
    bumps = [
        Bump(f"dependency-{number}", one["name"], one["to"], one.get("ecosystem"), one.get("file"))
        for number, one in enumerate(asked.get("dependencies", []), start=1)
    ]
    for bump, file in _placed(root, bumps):
        placed = file if isinstance(file, str) else None
        about[bump.id] = About("dependency", "dependency", placed, message=f"{bump.name} at least {bump.to}")
        if isinstance(file, str):
            job(file).bumps.append(bump)
        else:
            lost.append((bump.id, _where(file)))
    for known in by_file.values():
        known.bumps.sort(key=lambda bump: bump.rank, reverse=True)  # of several for one package the highest
    return Request([by_file[file] for file in sorted(by_file)], lost, about)


def read(root: Path, file: str) -> bytes | str:
    """Answer a file's bytes, or the reason why it is not touched."""
    try:
        path = tar.check_path(os.fsencode(file))
    except (WorkspaceError, UnicodeEncodeError):
        return "the path leads out of the workspace, or is none"
    if ".git" in path.split("/"):
        return "version control data is not touched"
    if path != file or not can_name(path):
        return "the file's name cannot stand in a diff"
    full = root / path
    if not full.is_file() or full.is_symlink():
        return "there is no such file"
    if full.stat().st_size > MAX_FILE_BYTES:
        return f"the file is larger than {MAX_FILE_BYTES} bytes"
    return full.read_bytes()


def _about(finding: Mapping[str, Any], sort: str) -> About:
    message = finding.get("message")
    said = message if isinstance(message, str) else ""
    place = finding.get("file"), finding.get("line")
    return About(sort, finding["rule"], *place, message=said, group=_group(finding))


def _group(finding: Mapping[str, Any]) -> Group:
    match kind_of(finding):
        case "dependencies":
            return "dependencies"
        case "quality" | "performance":
            return "correctness" if finding.get("severity") in _HARMFUL else STYLE
        case _:
            return "security"


def _findings(asked: Asked, reported: Mapping[str, list[dict[str, Any]]]) -> list[tuple[dict[str, Any], str]]:
    """List each finding once, with what the agent that told of it calls it."""
    lists = [asked.get("findings", []), asked.get("issues", []), asked.get("violations", [])]
    every = [(one, kind) for kind, listed in zip(KINDS, lists, strict=True) for one in listed]
    every += [(one, kind) for kind in KINDS for one in reported.get(kind, [])]
    return list({one["id"]: (one, SORTS[kind]) for one, kind in reversed(every)}.values())[::-1]


def _placed(root: Path, bumps: Sequence[Bump]) -> list[tuple[Bump, str | list[str]]]:
    """Answer for each bump the file it is about, or all those that declare the dependency."""
    names: dict[str, list[str]] = {}
    if any(bump.file is None for bump in bumps):
        names = _declared(root, list(manifests.find_manifests(root)))
    placed: list[tuple[Bump, str | list[str]]] = []
    for bump in bumps:
        found = [file for file in names if _declares(bump, file, names)]
        placed.append((bump, bump.file or (found[0] if len(found) == 1 else found)))
    return placed


def _declares(bump: Bump, file: str, names: Mapping[str, list[str]]) -> bool:
    ecosystem = manifests.ecosystem_of(file)
    return ecosystem is not None and any(bump.means(name, ecosystem) for name in names[file])


def requires(root: Path, package: str) -> bool:
    """Tell whether the program, at the top of the workspace, declares that it needs a Python package."""
    files = [file for file in sorted(os.listdir(root)) if manifests.may_require(file)]
    found = _declared(root, files[: manifests.MAX_MANIFESTS])
    asked = Bump("", package, "", "python")
    return any(asked.means(name, "python") for names in found.values() for name in names)


def _declared(root: Path, files: Sequence[str]) -> dict[str, list[str]]:
    """Read which names each manifest declares, in a child process: a hostile one declares none."""

    def names(file: str) -> list[str]:
        source = read(root, file)
        if isinstance(source, str):
            return []
        try:
            return manifests.declared(file, source.decode("utf-8-sig"))
        except UnicodeDecodeError:
            return []

    def none(file: str, reason: str) -> list[str]:
        return []

    return dict(zip(files, isolate.each(names, files, none, memory=MEMORY), strict=True))


def _where(files: Sequence[str]) -> str:
    if not files:
        return "no file of the workspace declares it"
    listed = ", ".join(files[:5]) + (", ..." if len(files) > 5 else "")
    return f"{len(files)} files declare it, say which (file): {listed}"
