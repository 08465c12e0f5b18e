"""The agent `patcher`: propose a diff, apply a diff."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure, isolate

from . import proposal
from .application import Applied, apply
from .refusal import refused

MAX_LISTED = 500  # files named in an output; the counts are of all
MAX_UNFIXED = 1000
MAX_INLINE = 400 * 1024  # bytes of a rollback diff, spelled as JSON: the manifest allows 512 KiB in all
_DIFF = "text/x-diff"

agent = Agent()


class ProposeInputs(TypedDict, total=False):
    """The input of propose; its schema stands in agent.yaml."""

    workspace: dict[str, Any]
    findings: list[dict[str, Any]]
    replacements: list[dict[str, Any]]
    include_tests: bool


class ApplyInputs(TypedDict, total=False):
    """The input of apply."""

    workspace: dict[str, Any]
    diff: str
    diff_sha256: str
    workspace_digest: str


@agent.action("propose")
def propose(inputs: ProposeInputs, ctx: Context) -> dict[str, Any]:
    """Answer a diff that mends what a tool can mend; the workspace stays as it is."""
    asked = proposal.jobs(
        inputs.get("findings", []),
        inputs.get("replacements", []),
        include_tests=inputs.get("include_tests", False),
    )
    ctx.progress(f"{len(asked)} files", 0.0)
    try:
        done = proposal.propose(ctx.workspace(), asked)
    except isolate.TooManyCrashes as error:
        raise Failure("agent.workspace_unreadable", str(error)) from error
    changed = [one.file for one in done if one.diff]
    fixed = [one for file in done for one in file.fixed]
    unfixed = [{"id": one, "reason": reason} for file in done for one, reason in file.unfixed]
    stats = {"fixed": len(fixed), "unfixed": len(unfixed), "files": len(changed)}
    ctx.log("info", "propose.finished", **stats)
    diff = proposal.whole_diff(done)
    return {
        "diff": diff,
        "diff_sha256": sha256_of(diff),
        "workspace_digest": inputs["workspace"]["artifact"],
        "files_changed": changed[:MAX_LISTED],
        "fixed": fixed,
        "unfixed": unfixed[:MAX_UNFIXED],
        "regenerate": [],
        "notes": proposal.notes(done),
        "stats": stats,
    }


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
        "rollback_diff": inline or "",
        "rollback_inline": inline is not None,
    }


def sha256_of(diff: str) -> str:
    """Answer the digest by which a proposed diff is known."""
    return hashlib.sha256(diff.encode("utf-8", "surrogatepass")).hexdigest()


def _check_expected(inputs: ApplyInputs) -> None:
    """Refuse another diff, or another workspace, than those that the proposal was about."""
    found = sha256_of(inputs["diff"])
    if inputs.get("diff_sha256", found) != found:
        raise refused("other-diff", line=1)
    workspace, expected = inputs["workspace"]["artifact"], inputs.get("workspace_digest")
    if expected is not None and expected != workspace:
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
    return text if len(json.dumps(text, ensure_ascii=False).encode()) <= MAX_INLINE else None


if __name__ == "__main__":
    agent.run()
