"""The rules about Dockerfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .. import image_names, shell_lines
from ..facts import Breach, CopiesEverything, Said, TextFile
from ..secret_names import is_literal_secret, names_secret
from .instructions import Instruction, read_instructions

_NAME = re.compile(r"(?is)(docker|container)file([.-].*)?|.*\.(docker|container)file")
_ROOT = frozenset({"root", "0"})
_NONROOT = re.compile(r"\bnon-?root\b")
# A name is taken from where it begins, and whole: no place within it is tried, too.
_PAIR = re.compile(r"(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]++)(?:=(\"[^\"]*\"|'[^']*'|\S*))?(?=\s|$)")
_SSH = re.compile(r"(?:^|\s)22(?:/tcp)?(?=\s|$)")


@dataclass
class _Stage:
    image: str
    line: int
    base: str | None = None  # the name of the stage that it starts from
    user: tuple[str, int] | None = None
    healthy: bool = False


def is_dockerfile(path: str) -> bool:
    """Tell whether a file is a Dockerfile, by its name; an ignore file is none."""
    name = path.rpartition("/")[2]
    return _NAME.fullmatch(name) is not None and not name.endswith(("ignore", ".md", ".txt", ".py", ".sh"))


def check_dockerfile(file: TextFile) -> Iterator[Said]:
    """Hold a Dockerfile to its rules."""
    stages: list[_Stage] = []
    names: dict[str, _Stage] = {}
    for one in read_instructions(file.lines):
        if one.word == "FROM":
            stage, name = _stage(one, names)
            yield from _image(one, stage)
            stages.append(stage)
            names[str(len(stages) - 1)] = stage
            if name:
                names[name] = stage
        elif one.word == "USER" and stages:
            stages[-1].user = (one.argument.split()[0] if one.argument.split() else "", one.line)
        elif one.word == "HEALTHCHECK" and stages:
            stages[-1].healthy = True
        else:
            yield from _instruction(one)
    if stages:
        yield from _last(stages[-1], names)


def _stage(one: Instruction, names: dict[str, _Stage]) -> tuple[_Stage, str | None]:
    words = one.argument.split()
    image = words[0] if words else ""
    name = words[2].lower() if len(words) >= 3 and words[1].lower() == "as" else None
    base = image.lower() if image.lower() in names else None
    return _Stage(image, one.line, base), name


def _image(one: Instruction, stage: _Stage) -> Iterator[Breach]:
    if stage.base is not None or stage.image == "scratch" or image_names.is_variable(stage.image):
        return
    if why := image_names.moves(stage.image):
        yield Breach("containers.image-latest", one.line, f"The image {stage.image} {why}.")
    elif not image_names.has_digest(stage.image):
        yield Breach(
            "containers.image-without-digest", one.line, f"The image {stage.image} is named by its tag only."
        )


def _last(stage: _Stage, names: dict[str, _Stage]) -> Iterator[Breach]:
    """Judge the stage that becomes the image, and those that it starts from."""
    line, seen = stage.line, 0
    user, healthy, image = stage.user, stage.healthy, stage.image
    while stage.base is not None and seen < len(names):
        stage, seen = names[stage.base], seen + 1
        user, healthy, image = user or stage.user, healthy or stage.healthy, stage.image
    if user is None:
        if not _NONROOT.search(image):
            yield Breach(
                "containers.runs-as-root", line, "The image ends without a USER, so it runs as root."
            )
    elif user[0].partition(":")[0] in _ROOT:
        yield Breach("containers.runs-as-root", user[1], "The image ends with the user root.")
    if not healthy and image != "scratch":
        yield Breach("containers.healthcheck-missing", line, "The image has no HEALTHCHECK.")


def _instruction(one: Instruction) -> Iterator[Said]:
    if one.word == "RUN":
        yield from _run(one)
    elif one.word == "ADD":
        source = one.argument.split()[0] if one.argument.split() else ""
        if source.startswith(("http://", "https://", "ftp://")) and "checksum" not in one.flags:
            yield Breach(
                "containers.add-from-url", one.line, "ADD fetches from an address without a checksum."
            )
    elif one.word in ("ENV", "ARG"):
        yield from _settings(one)
    elif one.word == "EXPOSE" and _SSH.search(one.argument):
        yield Breach("containers.ssh-exposed", one.line, "Port 22 is exposed.")
    if one.word in ("COPY", "ADD") and "from" not in one.flags:
        sources = one.argument.split()[:-1]
        if any(source in (".", "./", "/", "*") for source in sources):
            yield CopiesEverything(one.line)


def _run(one: Instruction) -> Iterator[Breach]:
    script = one.script
    for line in one.lines_of(shell_lines.piped_to_shell(script)):
        yield Breach("containers.pipe-to-shell", line, "What is fetched is run at once.")
    for line in one.lines_of(shell_lines.world_writable(script)):
        yield Breach("containers.world-writable", line, "Files become writable by everybody.")
    for line in one.lines_of(shell_lines.with_sudo(script)):
        yield Breach("containers.sudo", line, "A command is run by sudo.")
        break
    for line in one.lines_of(shell_lines.with_recommends(script)):
        yield Breach("containers.apt-recommends", line, "apt installs recommended packages too.")
        break


def _settings(one: Instruction) -> Iterator[Breach]:
    words = one.argument.split(None, 1)
    if one.word == "ENV" and words and "=" not in words[0]:  # the old form: a name, and all the rest
        pairs = [(words[0], "".join(words[1:]), 0)]
    else:
        pairs = [(found[1], found[2] or "", found.start()) for found in _PAIR.finditer(one.argument)]
    for (name, value, _), line in zip(pairs, one.lines_of(at for _, _, at in pairs), strict=True):
        if not names_secret(name):
            continue
        if is_literal_secret(value):
            said = f"{one.word} {name} puts a secret into the image."
            yield Breach("containers.secret-in-image", line, said, secret=True)
        elif one.word == "ARG" and not value.strip("'\" "):
            said = f"What is given for ARG {name} stays in the image's history."
            yield Breach("containers.secret-in-image", line, said, "MEDIUM", "MEDIUM")
