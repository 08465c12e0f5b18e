"""Builds the image of an author's own agent from the Dockerfile in its folder."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import requests

from ..sandbox.pinning import Unusable, judge_image
from .build_context import DOCKERFILE, pack_context
from .build_log import Say, follow
from .builder import ImageBuilder
from .image_files import read_whole
from .packages import BuildProblem
from .recipes import BASE, is_airlocks

LABEL_BUILT_FOR = "airlock.built-for"
"""The install that an author's image was built for: purging that one removes it."""
LABEL_BUILT_AS = "airlock.built-as"
"""Under which name: what somebody builds upon it inherits both labels, and has another."""
_MAX_DOCKERFILE_BYTES = 256 * 1024
_TAG = re.compile(
    r"(?P<repository>(?:[a-z0-9.-]+:[0-9]{1,5}/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
)
_ID_CHARACTERS = 12


@dataclass(frozen=True)
class FolderImage:
    """The image of a folder: its tag, its id, how large it is (bytes), and how long the build took."""

    tag: str
    image_id: str
    size: int
    seconds: float
    context_bytes: int


class FolderBuilder:
    """Builds folders on one engine. Synchronous: it is a command's work."""

    def __init__(
        self, client: docker.APIClient, *, architecture: str, airlock_base: str | None, install: str, say: Say
    ) -> None:
        """`airlock_base` is what a missing airlock-base is built on (None: this machine's packages).

        `install` is whom the images are for: they carry it as a label, and purging it removes them.
        """
        self._client = client
        self._architecture = architecture
        self._airlock_base = airlock_base
        self._install = install
        self._say = say

    def build(self, folder: Path, tag: str, *, base: str | None) -> FolderImage:
        """Build a folder's image under a tag; `base` replaces the Dockerfile's own `ARG base`.

        Raises BuildProblem, with the end of the build's log, also for an image that no host would take.
        """
        if (named := _TAG.fullmatch(tag)) is None:
            raise BuildProblem(
                f"agent.yaml: image {tag!r} is no name that a build can give, such as my-agent"
            )
        if is_airlocks(named["repository"]):
            raise BuildProblem(
                f"agent.yaml: image {tag!r} is a name of Airlock's own images, and others stand on those: "
                "choose another, such as my-agent"
            )
        try:
            self._make_base(folder, base)
            return self._build(folder, tag, named["repository"], base)
        except (docker.errors.APIError, requests.exceptions.RequestException) as error:
            raise BuildProblem(f"{tag}: the engine refused: {error}") from error

    def _make_base(self, folder: Path, base: str | None) -> None:
        if BASE not in (name.removesuffix(":latest") for name in bases(_dockerfile(folder), base)):
            return
        try:
            self._client.inspect_image(BASE)  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound:
            self._say(f"{BASE} is missing: it is built first, once on this machine")
            ImageBuilder(self._client, base=self._airlock_base, say=self._say).build_base()

    def _build(self, folder: Path, tag: str, repository: str, base: str | None) -> FolderImage:
        began = time.monotonic()
        context = pack_context(folder)
        self._say(f"{tag}: building from {context.files} files, {context.size / 1e6:.1f} MB")
        with context.archive as archive:
            stream = self._client.build(
                fileobj=archive,
                custom_context=True,
                tag=tag,
                rm=True,
                forcerm=True,
                buildargs={"base": base} if base else {},
                labels={LABEL_BUILT_FOR: self._install, LABEL_BUILT_AS: repository},
                decode=True,
            )
            follow(tag, stream, self._say)
        found = self._client.inspect_image(tag)  # type: ignore[no-untyped-call]
        verdict = judge_image(tag, found, architecture=self._architecture)
        if isinstance(verdict, Unusable):
            raise BuildProblem(f"{verdict.problem}; nobody could register it")
        image_id = str(found["Id"])
        # A second name keeps it when the first moves on: registered versions run by this image's id.
        self._client.tag(image_id, repository, image_id.removeprefix("sha256:")[:_ID_CHARACTERS], force=True)
        return FolderImage(tag, image_id, int(found["Size"]), time.monotonic() - began, context.size)


def bases(dockerfile: str, base: str | None) -> list[str]:
    """List the images that a Dockerfile builds upon, with its `ARG`s filled in. Pure."""
    values: dict[str, str] = {}
    stages: set[str] = set()
    found: list[str] = []
    for word, rest in _instructions(dockerfile):
        if word == "ARG" and not found:
            name, _, default = rest.partition("=")
            values[name.strip()] = default.strip().strip("\"'")
            if name.strip() == "base" and base:
                values["base"] = base
        elif word == "FROM":
            words = [one for one in rest.split() if not one.startswith("--")]
            if not words:
                continue  # the engine says what is wrong with it
            image = re.sub(r"\$\{?(\w+)(?::-[^}]*)?\}?", lambda match: values.get(match[1], ""), words[0])
            if image not in stages:
                found.append(image)
            if len(words) > 2 and words[1].upper() == "AS":
                stages.add(words[2])
    return found


def _instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    for line in dockerfile.replace("\\\n", " ").splitlines():
        words = line.split(None, 1)
        if len(words) == 2:
            yield words[0].upper(), words[1].strip()


def _dockerfile(folder: Path) -> str:
    return read_whole(folder / DOCKERFILE, _MAX_DOCKERFILE_BYTES).decode("utf-8", "replace")
