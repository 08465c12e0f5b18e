"""The agent `patcher`: propose a diff, apply a diff."""

from __future__ import annotations

from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure, isolate

from . import proposal
from .application import apply

MAX_LISTED = 500  # files named in an output; the counts are of all
MAX_UNFIXED = 1000
MAX_INLINE = 100 * 1024  # bytes of a rollback diff that stands in the output too
_DIFF = "text/x-diff"

agent = Agent()


class ProposeInputs(TypedDict, total=False):
    """The input of propose; its schema stands in agent.yaml."""

    workspace: dict[str, Any]
    findings: list[dict[str, Any]]
    replacements: list[dict[str, Any]]
    include_tests: bool


class ApplyInputs(TypedDict):
    """The input of apply."""

    workspace: dict[str, Any]
    diff: str


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
    return {
        "diff": proposal.whole_diff(done),
        "files_changed": changed[:MAX_LISTED],
        "fixed": fixed,
        "unfixed": unfixed[:MAX_UNFIXED],
        "notes": proposal.notes(done),
        "stats": stats,
    }


@agent.action("apply")
def apply_diff(inputs: ApplyInputs, ctx: Context) -> dict[str, Any]:
    """Apply a diff to the workspace and answer the result as a new one, with the diff that takes it back."""
    if not inputs["diff"].strip():
        ctx.log("info", "apply.nothing_to_do")
        return {
            "workspace": inputs["workspace"],
            "changed": False,
            "message": "The diff is empty: the workspace is unchanged.",
            "files_changed": [],
            "files_changed_total": 0,
            "rollback": ctx.put_artifact("rollback.diff", b"", _DIFF),
            "rollback_diff": "",
            "rollback_inline": True,
        }
    root = ctx.workspace()
    applied = apply(inputs["diff"], root, ctx.scratch)
    inline, count = _inline(applied.rollback), len(applied.changed)
    ctx.log("info", "apply.finished", files=count)
    return {
        "workspace": ctx.put_workspace(root),
        "changed": bool(applied.changed),
        "message": "1 file changed." if count == 1 else f"{count} files changed.",
        "files_changed": list(applied.changed[:MAX_LISTED]),
        "files_changed_total": count,
        "rollback": ctx.put_artifact("rollback.diff", applied.rollback, _DIFF),
        "rollback_diff": inline or "",
        "rollback_inline": inline is not None,
    }


def _inline(rollback: bytes) -> str | None:
    if len(rollback) > MAX_INLINE:
        return None
    try:
        return rollback.decode("utf-8")
    except UnicodeDecodeError:
        return None


if __name__ == "__main__":
    agent.run()
