"""Builds the images of the built-in agents: base, then each agent, each only when its content changed.

An image carries a hash over all that went into it; the same hash means that there is nothing to do. No
agent's build fetches anything: packages come from the machine's own suite and its own pip, outside.
"""

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests

from .agent_sources import AgentSource
from .build_log import Say, follow
from .image_files import pack, read_tree
from .packages import INCLUDED, BuildProblem, Suite, fetch_packages, suite_tarball
from .recipes import BASE, SUITE, Plan, agent_plan, base_plan, pinned_name, require_recipes

LABEL_IMAGES = "airlock.images"
LABEL_CONTENT = "airlock.content"
LABEL_PYTHON = "airlock.python"
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Present:
    """An image that an engine has under a tag."""

    image_id: str
    content: str | None
    """The hash of what it was planned from; None for an image that Airlock did not build."""


def present(client: docker.APIClient, tag: str) -> Present | None:
    """Look at the image that has a tag; None where none has it."""
    try:
        found = client.inspect_image(tag)  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        return None
    labels = (found.get("Config") or {}).get("Labels") or {}
    return Present(str(found["Id"]), labels.get(LABEL_CONTENT))


@dataclass(frozen=True)
class Built:
    """One image, and whether it had to be built."""

    tag: str
    pinned: str
    """The name of this very content: `tag` alone moves on when another checkout builds."""
    image_id: str
    rebuilt: bool
    seconds: float


class ImageBuilder:
    """Builds images on one engine. Synchronous: it is a command's work, never the host's."""

    def __init__(self, client: docker.APIClient, *, base: str | None = None, say: Say | None = None) -> None:
        """Raises BuildProblem outside a checkout."""
        self._client = client
        self._from = base
        self._say = say or (lambda line: None)
        require_recipes()

    def build(self, agents: Sequence[AgentSource]) -> list[Built]:
        """Build the base, then these agents. Raises BuildProblem."""
        try:
            base = self.build_base()
            return [base, *(self.build_agent(agent, base.image_id) for agent in agents)]
        except (docker.errors.APIError, requests.exceptions.RequestException) as error:
            raise BuildProblem(f"the engine refused: {error}") from error

    def build_base(self) -> Built:
        """Build the base image from the given base, or else from the machine's own packages."""
        if self._from is not None:
            self._pull_if_missing(self._from)
            source_id = str(self._inspect(self._from)["Id"])
        else:
            source_id = self.build_suite()
        plan = base_plan(source_id)
        return self._build(plan, lambda: plan.files, base=source_id, network=self._from is not None)

    def build_agent(self, agent: AgentSource, base_id: str) -> Built:
        """Build one agent's image on a base: by its id, for its name may be another checkout's by now."""
        plan = agent_plan(agent, base_id)
        requirements = agent.folder / "requirements.txt"

        def with_packages() -> dict[str, bytes]:
            site: dict[str, bytes] = {"site/.keep": b""}
            if requirements.is_file():
                python = self._inspect(base_id)["Config"]["Labels"][LABEL_PYTHON]
                architecture = str(self._client.version().get("Arch", "amd64"))
                with fetch_packages(requirements, python=python, architecture=architecture) as folder:
                    site |= read_tree(folder, "site")
            return plan.files | site

        return self._build(plan, with_packages, base=base_id, network=False)

    def _build(self, plan: Plan, files: Callable[[], dict[str, bytes]], *, base: str, network: bool) -> Built:
        """Build what is planned unless it is there; `files` gives what goes in, packages too."""
        began = time.monotonic()
        tag, pinned = plan.tag, plan.pinned
        with self._alone():
            found = present(self._client, pinned)
            if found is not None and found.content == plan.content:
                self._client.tag(pinned, tag, "latest", force=True)  # another checkout may have moved it
                self._say(f"{tag}: unchanged")
                return Built(tag, pinned, found.image_id, rebuilt=False, seconds=time.monotonic() - began)
            image_id = self._build_changed(tag, files(), content=plan.content, base=base, network=network)
        seconds = time.monotonic() - began
        self._say(f"{tag}: built in {seconds:.1f} s")
        return Built(tag, pinned, image_id, rebuilt=True, seconds=seconds)

    def _build_changed(
        self, tag: str, files: dict[str, bytes], *, content: str, base: str, network: bool
    ) -> str:
        self._say(f"{tag}: building")
        context = pack(files)
        labels = {LABEL_IMAGES: "1", LABEL_CONTENT: content}
        stream = self._client.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            rm=True,
            forcerm=True,
            buildargs={"AIRLOCK_BASE_IMAGE": base},
            labels=labels,
            network_mode=None if network else "none",
            decode=True,
        )
        follow(tag, stream)
        if tag == BASE:
            self._label_python(labels)
        # Last, once it is whole. It keeps the image when `latest` moves on: versions run by its id.
        self._client.tag(tag, tag, pinned_name(tag, content).rpartition(":")[2], force=True)
        return str(self._inspect(tag)["Id"])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One build at a time on a machine: the second waits, and finds the work done."""
        path = Path(tempfile.gettempdir()) / f"airlock-images-{os.getuid()}.lock"
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _label_python(self, labels: dict[str, str]) -> None:
        """Ask the new base for its Python's version, and write that on it."""
        ask = "import sys; print('%d.%d' % sys.version_info[:2])"
        made = self._client.create_container(
            BASE,
            entrypoint=["python3", "-I", "-c", ask],
            host_config=self._client.create_host_config(network_mode="none"),
            labels={LABEL_IMAGES: "1"},
        )
        try:
            self._client.start(made["Id"])
            status = self._client.wait(made["Id"], timeout=60)
            version = self._client.logs(made["Id"], stdout=True, stderr=False, tail=1).decode().strip()
        finally:
            self._client.remove_container(made["Id"], force=True, v=True)
        if status.get("StatusCode") != 0 or not re.fullmatch(r"3\.\d{1,2}", version):
            raise BuildProblem(f"{BASE}: its python3 does not run: {version[:200]}")
        lines = f"FROM {BASE}\n"
        stream = self._client.build(
            fileobj=pack({"Dockerfile": lines.encode()}),
            custom_context=True,
            tag=BASE,
            rm=True,
            labels=labels | {LABEL_PYTHON: version},
            decode=True,
        )
        follow(BASE, stream)

    def build_suite(self, tag: str = SUITE, *, include: Sequence[str] = INCLUDED) -> str:
        """The image of some of the machine's own packages; made again when its recipe changed."""
        suite = suite_tarball(include)
        pinned = pinned_name(tag, suite.content)
        with self._alone():
            for name in (pinned, tag):
                found = present(self._client, name)
                if found is not None and found.content == suite.content:
                    break
            else:
                found = Present(self._install_suite(tag, suite), suite.content)
            self._client.tag(found.image_id, tag, pinned.rpartition(":")[2], force=True)
            self._client.tag(found.image_id, tag, "latest", force=True)
            return found.image_id

    def _install_suite(self, tag: str, suite: Suite) -> str:
        began = time.monotonic()
        self._say(f"{tag}: installing {suite.name} packages with mmdebstrap (about half a minute)")
        with suite.open() as tarball:
            changes = [f"LABEL {LABEL_IMAGES}=1 {LABEL_CONTENT}={suite.content}"]
            # In pieces: for a file the SDK sends both a length and chunks, and the engine chokes.
            pieces = iter(lambda: tarball.read(_PIECE_BYTES), b"")
            answer = self._client.import_image_from_stream(
                pieces, repository=tag, tag="latest", changes=changes
            )
        if '"error"' in str(answer):
            raise BuildProblem(f"{tag}: the engine did not take it: {str(answer)[:500]}")
        self._say(f"{tag}: built in {time.monotonic() - began:.1f} s")
        return str(self._inspect(tag)["Id"])

    def _pull_if_missing(self, image: str) -> None:
        try:
            self._inspect(image)
        except docker.errors.ImageNotFound:
            self._say(f"{image}: pulling")
            follow(image, self._client.pull(image, stream=True, decode=True))

    def _inspect(self, tag: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.inspect_image(tag)  # type: ignore[no-untyped-call]
        return found


def list_images(client: docker.APIClient) -> list[tuple[str, str, int]]:
    """List Airlock's images on an engine: tag, image id, size in bytes."""
    found = client.images(filters={"label": f"{LABEL_IMAGES}=1"})
    rows = [
        (tag.removesuffix(":latest"), str(image["Id"]), int(image["Size"]))
        for image in found
        for tag in image.get("RepoTags") or []
        if tag != "<none>:<none>"
    ]
    return sorted(rows)
