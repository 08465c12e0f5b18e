"""The rules about GitHub workflows and composite actions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import image_names
from ..facts import Breach
from ..secret_names import holds_secret
from ..yaml_nodes import Node
from .scripts import check_script, is_security_check

_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
_ACTION = re.compile(r"(?:(?:.+/)?)action\.ya?ml")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_VERSION = re.compile(r"(?:releases?[/-])?v?\d+(?:\.\d+){0,3}(?:[.-]?[a-z]{1,10}[.\d]{0,8})?")
_OUTSIDE = (
    r"github\.head_ref|github\.event\.(?:"
    r"(?:issue|discussion|pull_request)\.(?:title|body)"
    r"|pull_request\.head\.(?:ref|label|repo\.(?:default_branch|description|homepage))"
    r"|(?:comment|review|review_comment)\.body"
    r"|(?:head_commit|commits[^\s}]{0,20})\.(?:message|author\.(?:name|email))"
    r"|workflow_run\.(?:head_branch|display_title|head_commit\.(?:message|author\.(?:name|email)))"
    r"|pages[^\s}]{0,20}\.page_name)"
)
_INJECTED = re.compile(r"\$\{\{(?:(?!\}\})[^\n]){0,200}?(" + _OUTSIDE + r")\b")
_PROPOSED = re.compile(
    r"github\.head_ref|github\.event\.(?:pull_request\.head\.(?:sha|ref)|pull_request\.number|number"
    r"|workflow_run\.head_(?:sha|branch|commit\.id))|refs/pull/"
)
_FETCHES_PROPOSED = re.compile(r"\bgh\s+pr\s+checkout\b|git\s+(?:fetch|checkout)\b[^\n]{0,200}(?:pull/|head)")
_PRIVILEGED = ("pull_request_target", "workflow_run")


def is_workflow(path: str) -> bool:
    """Tell whether GitHub runs this file, or a composite action that workflows use."""
    return _WORKFLOW.fullmatch(path) is not None or (
        _ACTION.fullmatch(path) is not None and (path.startswith(".github/") or "/" not in path)
    )


def check_workflow(document: Node, *, trusted: tuple[str, ...], public: bool) -> Iterator[Breach]:
    """Hold a workflow, or a composite action, to its rules. `trusted` are owners whose tags are believed."""
    triggers = {name for name, _ in (document.get("on") or document).items()} if document.get("on") else set()
    triggers |= {one.text for one in (document.get("on") or Node(1, None)).texts()}
    privileged = next((one for one in _PRIVILEGED if one in triggers), None)
    jobs = document.get("jobs") or Node(1, {})
    yield from _permissions(document, jobs)
    yield from _environment(document.get("env"))
    for name, job in jobs.items():
        line = jobs.keys.get(name, job.line)
        yield from _job(name, job, triggers=triggers, line=line, public=public)
        if (uses := job.get("uses")) is not None:
            yield from _uses(uses, trusted)
        for step in (job.get("steps") or Node(1, [])).each():
            yield from _step(step, privileged, trusted)
    for step in (document.get("runs", "steps") or Node(1, [])).each():
        yield from _step(step, None, trusted)


def _permissions(document: Node, jobs: Node) -> Iterator[Breach]:
    places = [document.get("permissions")] + [job.get("permissions") for _, job in jobs.items()]
    for one in places:
        if one is not None and one.text == "write-all":
            yield Breach("ci.permissions-all", one.line, "The token may write everything.")
    if places[0] is not None or document.get("jobs") is None:
        return
    silent = [name for name, job in jobs.items() if job.get("permissions") is None]
    if silent:
        line = jobs.keys.get(silent[0], jobs.line)
        said = f"The workflow does not say what its token may do ({len(silent)} of its jobs)."
        yield Breach("ci.permissions-missing", line, said)


def _job(name: str, job: Node, *, triggers: set[str], line: int, public: bool) -> Iterator[Breach]:
    for one in (job.get("runs-on") or Node(1, None)).texts():
        if one.text == "self-hosted" and any(trigger.startswith("pull_request") for trigger in triggers):
            said = f"The job {name} runs proposed code on a machine of one's own."
            yield Breach("ci.self-hosted-runner", one.line, said, "MEDIUM" if public else None)
    container = job.get("container", "image") or job.get("container")
    services = [one.get("image") for _, one in (job.get("services") or Node(1, {})).items()]
    for image in (container, *services):
        if image is not None and image.text and (why := image_names.moves(image.text)):
            yield Breach("ci.image-latest", image.line, f"The image {image.text} of the job {name} {why}.")
    yield from _optional(name, job)
    yield from _environment(job.get("env"))


def _optional(name: str, place: Node) -> Iterator[Breach]:
    allowed = place.get("continue-on-error")
    known = " ".join(one.text for key in ("name", "uses", "id") if (one := place.get(key)) is not None)
    if allowed is not None and allowed.true and is_security_check(f"{name} {known}"):
        yield Breach("ci.security-job-optional", allowed.line, "The security check may fail unseen.")


def _step(step: Node, privileged: str | None, trusted: tuple[str, ...]) -> Iterator[Breach]:
    if (uses := step.get("uses")) is not None:
        yield from _uses(uses, trusted)
    checkout = uses is not None and uses.text.startswith("actions/checkout")
    ref = step.get("with", "ref")
    if privileged and checkout and ref is not None and _PROPOSED.search(ref.text):
        said = f"On {privileged} the workflow checks out what anybody proposed."
        yield Breach("ci.foreign-code-with-secrets", ref.line, said)
    yield from _environment(step.get("env"))
    yield from _optional("", step)
    for script in (step.get("run"), step.get("with", "script")):
        if script is None:
            continue
        yield from check_script(script)
        injected = list(_INJECTED.finditer(script.text))
        for found, line in zip(injected, script.lines_of(found.start() for found in injected), strict=True):
            said = f"{found[1]} becomes part of the script."
            yield Breach("ci.script-injection", line, said)
        if privileged and (found_there := _FETCHES_PROPOSED.search(script.text)):
            said = f"On {privileged} the workflow fetches what anybody proposed."
            at = script.line_of(found_there.start())
            yield Breach("ci.foreign-code-with-secrets", at, said, "HIGH", "MEDIUM")


def _uses(uses: Node, trusted: tuple[str, ...]) -> Iterator[Breach]:
    name = uses.text
    if name.startswith("./") or not name:
        return
    if name.startswith("docker://"):
        if why := image_names.moves(name.removeprefix("docker://")):
            yield Breach("ci.image-latest", uses.line, f"The image {name} {why}.")
        return
    action, at, ref = name.partition("@")
    if _COMMIT.fullmatch(ref):
        return
    if not at:
        yield Breach("ci.action-unpinned", uses.line, f"{action} has no version at all.", "HIGH")
    elif action.partition("/")[0].lower() in trusted:
        yield Breach("ci.action-unpinned", uses.line, f"{action} is pinned by {ref} only.", "LOW")
    elif _VERSION.fullmatch(ref):
        yield Breach("ci.action-unpinned", uses.line, f"{action} is pinned by the tag {ref} only.")
    else:
        said = f"{action} follows the branch {ref}."
        yield Breach("ci.action-unpinned", uses.line, said, "HIGH", "MEDIUM")


def _environment(settings: Node | None) -> Iterator[Breach]:
    for name, value in (settings or Node(1, {})).items():
        if holds_secret(name, value.text):
            line = settings.keys.get(name, value.line) if settings else value.line
            yield Breach("ci.secret-in-variables", line, f"{name} has its value in the file.", secret=True)
