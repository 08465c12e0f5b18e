"""What the patcher makes of all that is said of the storefront: each finding's fate, measured, held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from airlock_agents.builtin.patcher.line_rules import LINE_FIXES
from airlock_agents.builtin.patcher.rules import FIXES
from airlock_sdk.testing import Given, Outcome

from .recall import EXAMPLES, SHOP, Row, line_of, planted

LIST = yaml.safe_load((EXAMPLES / "storefront.mends.yaml").read_text())
LOOKS = (
    ("security-scanner", "scan", "findings", planted("storefront.flaws.yaml")),
    ("code-reviewer", "review", "issues", planted("storefront.issues.yaml", "issues")),
    ("compliance-checker", "check", "violations", planted("storefront.violations.yaml")),
)

MENDED = None  # stands for the reason
Fate = tuple[str, int | None, str, str | None]  # file, line, rule, why it is left


@dataclass(frozen=True, slots=True)
class Said:
    """What the three agents told, by id and by who told it, and what was proposed for all of it."""

    told: dict[str, Row]
    by_agent: dict[str, list[Row]]
    proposed: dict[str, Any]


@pytest.fixture(scope="module")
def said(run_agent: Callable[..., Outcome], check_output: Callable[..., dict[str, Any]]) -> Said:
    by_agent: dict[str, list[Row]] = {}
    reports = []
    for agent, action, key, _ in LOOKS:
        inputs = {"date": "2026-11-20"} if action == "check" else {}
        outcome = run_agent(agent, action, inputs, workspace=SHOP)
        output = check_output(agent, action, outcome)
        assert not output["truncated"]
        by_agent[agent] = output[key]
        report = outcome.artifact(output["report"])
        reports.append(Given(f"/reports/{len(reports)}", report, "application/json"))
    proposed = run_agent("patcher", "propose", {}, workspace=SHOP, given=reports)
    told = {one["id"]: one for listed in by_agent.values() for one in listed}
    return Said(told, by_agent, check_output("patcher", "propose", proposed))


def fates(said: Said) -> Iterator[Fate]:
    for id_ in said.proposed["fixed"]:
        one = said.told[id_]
        yield one["file"], one["line"], one["rule"], MENDED
    for left in said.proposed["unfixed"]:
        yield left["file"], left["line"], left["rule"], left["reason"]


def listed() -> Iterator[Fate]:
    for why, rows in [(MENDED, LIST["mended"]), *((one["why"], one["findings"]) for one in LIST["left"])]:
        for row in rows:
            for rule in row["rules"]:
                yield row["file"], line_of(row), rule, why


def within_reach(one: Row) -> bool:
    """Tell whether the patcher has a fix for the rule, whatever keeps it from using that here."""
    return one["rule"] in FIXES or one["rule"] in LINE_FIXES or one.get("tool") == "osv"


def test_every_finding_is_mended_or_left_with_the_reason_that_is_listed(said: Said) -> None:
    assert Counter(fates(said)) == Counter(listed())


def test_nothing_is_changed_that_only_looks_like_a_flaw(
    said: Said, tell_figure: Callable[[str], None]
) -> None:
    mended = set(said.proposed["fixed"])
    alarms = [
        one
        for agent, _, _, planted_ in LOOKS
        for one in said.by_agent[agent]
        if one["id"] in mended
        and (one["file"], one["line"]) in {(each["file"], line_of(each)) for each in planted_.lookalikes}
    ]
    reach = sum(within_reach(one) for one in said.told.values())
    tell_figure(
        f"patcher on the storefront: {len(mended)} mended of {reach} findings whose rules it has a fix for,\n"
        f"  of {len(said.told)} in all; {len(alarms)} of what it mends only look like flaws"
    )
    assert alarms == []
