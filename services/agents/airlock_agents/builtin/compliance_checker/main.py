"""The agent `compliance-checker`: its one action, check."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypedDict

from airlock_sdk import Agent, Context, Failure
from airlock_sdk.artifact import JSON, SARIF

from ..findings import report
from ..findings.files import MAX_FILE_BYTES, VERSION_CONTROL, Source, list_sources
from ..findings.finding import Inspected, printable
from ..findings.inspection import inspect_all
from . import answer
from .examination import Examiner, Wanted
from .licences.dependencies import LOCKS
from .licences.judgement import Licences
from .licences.names import understood
from .licences.table import table
from .policy import Policy
from .policy_source import Origin, find_policy
from .rules.rule import SCOPES, Scope
from .secrets.look import SecretsLook
from .tree import Tree, lost, whole
from .verdict import Verdict, exceptions, judge, rules_applied

VERSION = "2.3.0"
MAX_LOCK_BYTES = 8 * 1024 * 1024  # lock files are larger than what people write, and quick to read

agent = Agent()


class CheckInputs(TypedDict, total=False):
    """The input of check; its schema stands in agent.yaml."""

    workspace: dict[str, Any]
    scopes: list[str]
    strict: bool
    policy: dict[str, Any]
    policy_file: dict[str, Any]
    policy_path: str
    project: dict[str, Any]
    date: str


@agent.action("check")
def check(inputs: CheckInputs, ctx: Context) -> dict[str, Any]:
    """Hold a workspace to the rules; answer violations, rules, exceptions, licences and two artifacts."""
    root = ctx.workspace("/workspace")
    policy, origin = find_policy(inputs, ctx, root)
    scopes = _scopes(inputs, policy)
    today, source = _today(inputs, ctx)
    project = inputs.get("project") or {}
    sources = [_listed(one, root) for one in list_sources(root, most=MAX_LOCK_BYTES)]
    ctx.progress(f"{len(sources)} files", 0.0)
    wanted = Wanted(scopes, policy, public=project.get("public") is True)
    examiner = Examiner(root, wanted, SecretsLook(ctx.scratch) if "secrets" in scopes else None)
    tree = Tree([one.path for one in sources if not _is_history(one)], Licences(project=_licence(project)))
    tree.kinds["workspace"] = 1
    inspected = inspect_all(
        examiner.examine,
        sources,
        ctx.progress,
        plainly=examiner.plain_looks(),
        take=tree.take,
        in_blocks="secrets" in scopes,
    )
    ctx.progress("judging", 1.0)
    placed = [*tree.placed, *whole(tree, root, sources, policy)]
    for one in _brought_down(inspected, sources):
        placed += lost(one.file, str(one.skipped))
    verdict = judge(placed, policy, scopes, today)
    outcome = _Outcome(inputs.get("strict") is True, policy, origin, verdict)
    more = {
        **answer.day(today, source),
        "rules_applied": rules_applied(verdict, policy, scopes, tree.kinds),
        "licences": table(tree.licences),
        "files_checked": sum(one.seen for one in inspected),
    }
    return outcome.answer(ctx, inspected, exceptions(verdict, policy, today), more)


class _Outcome:
    def __init__(self, strict: bool, policy: Policy, origin: Origin, verdict: Verdict) -> None:
        self._strict = strict
        self._policy = policy
        self._origin = origin
        self._verdict = verdict

    def answer(
        self,
        ctx: Context,
        inspected: list[Inspected],
        excuses: list[dict[str, Any]],
        more: dict[str, Any],
    ) -> dict[str, Any]:
        """Put the artifacts and answer; a strict check with violations fails, after they were put."""
        verdict, left_out = self._verdict, report.skipped(inspected)
        failing = verdict.failing(self._policy, self._strict)
        head = {
            "passed": failing == 0,
            "strict": self._strict,
            "fail_on": "LOW" if self._strict else self._policy.fail_on,
            "policy": {
                "source": self._origin.source,
                "path": self._origin.path,
                "warning": self._origin.warning,
            },
            "summary": answer.summary(verdict, failing, strict=self._strict),
            **more,
        }
        full = answer.full(verdict, left_out, **head, exceptions_used=excuses)
        said = {
            "report": ctx.put_artifact("compliance.json", full, JSON),
            "sarif": ctx.put_artifact("compliance.sarif", answer.log(verdict, VERSION), SARIF),
        }
        if self._origin.warning:
            ctx.log("warning", "policy.from_workspace", path=self._origin.path)
        counts = verdict.by_severity
        ctx.log("info", "check.finished", passed=failing == 0, skipped=len(left_out), **counts)
        if self._strict and failing:
            details = {"by_severity": dict(counts), "first": answer.first(verdict.violations), **said}
            raise Failure(
                "agent.compliance.violations", f"{failing} violations; strict allows none", details=details
            )
        return {**head, **answer.bounded(verdict, excuses, left_out), **said}


def _scopes(inputs: CheckInputs, policy: Policy) -> frozenset[Scope]:
    """Choose the scopes: those of the input, else those of the policy, else all."""
    asked = inputs.get("scopes")
    if asked is None:
        return policy.scopes if policy.scopes is not None else frozenset(SCOPES)
    return frozenset(one for one in SCOPES if one in asked or "all" in asked)


def _today(inputs: CheckInputs, ctx: Context) -> tuple[date, str]:
    """Answer the day by which exceptions expire, and where it comes from: never a hidden clock."""
    if (given := inputs.get("date")) is not None:
        try:
            return date.fromisoformat(given), "input"
        except ValueError as error:
            raise Failure("agent.date_invalid", f"{given!r:.40} is no day like 2030-12-31") from error
    if ctx.deadline is not None:
        return ctx.deadline.astimezone(UTC).date(), "deadline"
    return datetime.now(UTC).date(), "clock"


def _licence(project: dict[str, Any]) -> str | None:
    declared = project.get("licence")
    if declared is None:
        return None
    known = understood(declared)
    if known is None:
        raise Failure("agent.licence_invalid", f"project.licence {declared!r:.80} is no SPDX expression")
    return known


def _listed(source: Source, root: Path) -> Source:
    """Leave out large files, but for lock files."""
    if source.skipped or os.path.basename(source.path) in LOCKS:
        return source
    if os.stat(root / source.path).st_size > MAX_FILE_BYTES:
        return replace(source, skipped=f"larger than {MAX_FILE_BYTES} bytes", in_blocks=True)
    return source


def _is_history(source: Source) -> bool:
    return source.skipped == VERSION_CONTROL


def _brought_down(inspected: list[Inspected], sources: list[Source]) -> list[Inspected]:
    """Those that the checks did not survive."""
    before = {printable(one.path) for one in sources if one.skipped}
    return [one for one in inspected if not one.seen and one.file not in before]


if __name__ == "__main__":
    agent.run()
