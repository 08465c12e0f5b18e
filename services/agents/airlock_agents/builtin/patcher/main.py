"""The agent `patcher`: propose a diff, apply a diff."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure

from . import proposal, request, room
from .application import Applied, apply
from .kinds import may_be_mended
from .overview import overview
from .refusal import refused
from .reports import read_reports

MAX_LISTED = 500  # files named in an output; the counts are of all
MAX_UNFIXED = 1000
MAX_MENDED = 500  # findings whose rule and place are told; all are counted
MAX_MENDED_BYTES = 64 * 1024  # of them
MAX_NOTES = 50
MAX_OUTPUT = 480 * 1024  # bytes of an output: the manifest allows 512 KiB
MAX_INLINE = 400 * 1024  # of them for a rollback diff, spelled as JSON
SECONDS_TO_ANSWER = 45  # a file may take 30 of them
_DIFF = "text/x-diff"

agent = Agent()


class ProposeInputs(request.Asked, total=False):
    """The input of propose; its schema stands in agent.yaml."""

    workspace: dict[str, Any]
    reports: list[dict[str, Any]]


class ApplyInputs(TypedDict):
    """The input of apply: what is to be done, and what whoever asks means it to be."""

    workspace: dict[str, Any]
    diff: str
    diff_sha256: str
    workspace_digest: str


@agent.action("propose")
def propose(inputs: ProposeInputs, ctx: Context) -> dict[str, Any]:
    """Answer a diff that does what a tool can do of what is asked; the workspace stays as it is."""
    root = ctx.workspace("/workspace")
    paths = [ctx.artifact(f"/reports/{number}") for number in range(len(inputs.get("reports", [])))]
    first = partial(may_be_mended, wish=inputs)
    reported = read_reports(paths, first)

    def tell(done: int, of: int) -> None:
        ctx.progress(f"{done} of {of} files", done / of)

    def in_time() -> bool:
        left = ctx.remaining()
        return left is None or left > SECONDS_TO_ANSWER

    asked = request.sort(root, inputs, reported.items)
    done = room.fitting(proposal.propose(root, asked, tell=tell, in_time=in_time), asked.about)
    changed = [one.file for one in done if one.diff]
    fixed = [one for file in done for one in file.fixed]
    unfixed = [*asked.lost, *(one for file in done for one in file.unfixed)]
    stats = {
        "fixed": len(fixed),
        "unfixed": len(unfixed),
        "not_read": reported.not_read,
        "files": len(changed),
    }
    ctx.log("info", "propose.finished", **stats)
    diff = room.whole_diff(done)
    output = {
        "diff": diff,
        "diff_sha256": sha256_of(diff),
        "overview": overview(asked.about, done, unfixed, reported.unread),
        "workspace_digest": inputs["workspace"]["artifact"],
        "files_changed": changed[:MAX_LISTED],
        "fixed": fixed,
        "mended": [],
        "unfixed": [],
        "regenerate": [asdict(one) for one in proposal.locks(done)[:MAX_NOTES]],
        "notes": proposal.notes(done)[:MAX_NOTES],
        "stats": stats,
    }
    if _size(output) > MAX_OUTPUT:
        raise Failure("agent.diff_too_large", "the diff does not fit an output: propose for fewer at a time")
    told = [_told(asked.about[one], one) for one in fixed[:MAX_MENDED]]
    output["mended"] = _as_many_as_fit(told, min(MAX_MENDED_BYTES, MAX_OUTPUT - _size(output)))
    left = [_told(asked.about[one], one) | {"reason": reason} for one, reason in unfixed[:MAX_UNFIXED]]
    output["unfixed"] = _as_many_as_fit(left, MAX_OUTPUT - _size(output))
    return output


@agent.action("apply")
def apply_diff(inputs: ApplyInputs, ctx: Context) -> dict[str, Any]:
    """Apply a diff to the workspace and answer the result as a new one, with the diff that takes it back."""
    diff = inputs["diff"]
    _check_expected(inputs)
    applied = apply(diff, ctx.workspace(), ctx.scratch) if diff.strip() else Applied((), b"")
    count = len(applied.changed)
    ctx.log("info", "apply.finished", files=count)
    inline = _inline(applied.rollback)
    return {
        "workspace": ctx.put_workspace(ctx.workspace()) if count else inputs["workspace"],
        "workspace_before": inputs["workspace"]["artifact"],
        "diff_sha256": sha256_of(diff),
        "changed": bool(count),
        "message": _said(count),
        "files_changed": list(applied.changed[:MAX_LISTED]),
        "files_changed_total": count,
        "rollback": ctx.put_artifact("rollback.diff", applied.rollback, _DIFF),
        "rollback_sha256": hashlib.sha256(applied.rollback).hexdigest(),
        "rollback_diff": inline or "",
        "rollback_inline": inline is not None,
    }


def sha256_of(diff: str) -> str:
    """Answer the digest by which a proposed diff is known."""
    return hashlib.sha256(diff.encode("utf-8", "surrogatepass")).hexdigest()


def _told(about: request.About, id_: str) -> dict[str, Any]:
    return {"id": id_, "rule": about.rule, "file": about.file, "line": about.line}


def _as_many_as_fit(items: Sequence[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    """List the first ones, as far as there is room beside the diff; all are counted in any case."""
    listed = []
    for item in items:
        size -= _size(item) + 1
        if size < 0:
            break
        listed.append(item)
    return listed


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _check_expected(inputs: ApplyInputs) -> None:
    """Refuse another diff, or another workspace, than those that the proposal was about."""
    if inputs["diff_sha256"] != sha256_of(inputs["diff"]):
        raise refused("other-diff", line=1)
    workspace, expected = inputs["workspace"]["artifact"], inputs["workspace_digest"]
    if expected != workspace:
        message = "the diff was made for another workspace than this one"
        details = {"expected": expected, "given": workspace}
        raise Failure("agent.workspace_differs", message, details=details)


def _said(count: int) -> str:
    if not count:
        return "The diff changes nothing: the workspace is unchanged."
    return "1 file changed." if count == 1 else f"{count} files changed."


def _inline(rollback: bytes) -> str | None:
    """Answer the rollback as text, unless a file that it shows is not UTF-8, or consists of controls."""
    try:
        text = rollback.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if _size(text) <= MAX_INLINE else None


if __name__ == "__main__":
    agent.run()
