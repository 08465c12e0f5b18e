"""The rules about GitLab pipelines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import image_names
from ..facts import Breach
from ..secret_names import holds_secret, names_secret
from ..yaml_nodes import Node
from .scripts import check_script, is_security_check

_NAME = re.compile(r"(?s)(?:.*/)?(?:[\w.-]*\.)?gitlab-ci\.ya?ml|\.gitlab/ci/.+\.ya?ml")
_SCRIPTS = ("script", "before_script", "after_script")
_NOT_JOBS = frozenset("variables include stages workflow cache spec pages:deploy".split())
_SHOWN = re.compile(
    r"^\s{0,20}(?:echo|printf)\s[^\n|>]{0,300}\$\{?(\w{1,100})\}?[^\n|>]{0,300}$", re.MULTILINE
)


def is_pipeline(path: str) -> bool:
    """Tell whether GitLab reads this file."""
    return _NAME.fullmatch(path) is not None


def check_pipeline(document: Node) -> Iterator[Breach]:
    """Hold a GitLab pipeline to its rules."""
    yield from _variables(document.get("variables"))
    yield from _images("the default", document)
    for key in _SCRIPTS:
        yield from _script(document.get(key))
    for name, job in document.items():
        if name in _NOT_JOBS or not isinstance(job.value, dict):
            continue
        yield from _images(name, job)
        yield from _variables(job.get("variables"))
        for key in _SCRIPTS:
            yield from _script(job.get(key))
        optional = job.get("allow_failure")
        if optional is not None and optional.true and is_security_check(name):
            yield Breach("ci.security-job-optional", optional.line, f"The job {name} may fail unseen.")


def _images(name: str, place: Node) -> Iterator[Breach]:
    found = [place.get("image", "name") or place.get("image")]
    found += [one.get("name") or one for one in (place.get("services") or Node(1, [])).each()]
    for image in found:
        if image is not None and image.text and (why := image_names.moves(image.text)):
            yield Breach("ci.image-latest", image.line, f"The image {image.text} of {name} {why}.")


def _variables(variables: Node | None) -> Iterator[Breach]:
    if variables is None:
        return
    for name, value in variables.items():
        text = (value.get("value") or value).text
        if holds_secret(name, text):
            line = variables.keys.get(name, value.line)
            yield Breach("ci.secret-in-variables", line, f"{name} has its value in the file.", secret=True)


def _script(script: Node | None) -> Iterator[Breach]:
    if script is None:
        return
    for one in script.texts():
        yield from check_script(one)
        shown = [found for found in _SHOWN.finditer(one.text) if names_secret(found[1])]
        for found, line in zip(shown, one.lines_of(found.start() for found in shown), strict=True):
            said = f"{found[1]} is printed to the log."
            yield Breach("ci.secret-printed", line, said, confidence="MEDIUM")
