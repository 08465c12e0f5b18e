"""The page of objectives says what the recording rules and the burn-rate alerts hold."""

import re
from pathlib import Path
from typing import Any

import pytest
from alert_rules import alerts, rules
from promql_names import named

PAGE = (Path(__file__).parents[3] / "docs" / "slo.md").read_text(encoding="utf-8")
OBJECTIVES = ("runs", "api", "agents", "resumption", "review")
_CELL = re.compile(r"(?<!\\)\|")
_UNITS = {"min": "m", "h": "h", "day": "d", "days": "d"}


def rows(head: str) -> dict[str, list[str]]:
    """The rows of the table whose head begins so, by what their first cell names."""
    table = PAGE.partition(f"\n{head}")[2].partition("\n\n")[0].splitlines()[2:]
    found = [[cell.strip() for cell in _CELL.split(row)[1:-1]] for row in table]
    return {re.findall(r"\w+", first)[0]: rest for first, *rest in found}


def recorded(name: str, objective: str) -> str:
    """The expression that records a series for an objective."""
    (expr,) = (
        str(rule["expr"])
        for rule in rules()
        if rule.get("record") == name and rule.get("labels", {}).get("objective") == objective
    )
    return expr


def test_the_page_has_every_objective_that_has_a_budget() -> None:
    budgets = [rule for rule in rules() if rule.get("record") == "airlock:objective_budget:ratio"]
    assert [rule["labels"]["objective"] for rule in budgets] == list(OBJECTIVES)
    assert list(rows("| objective | of what")) == list(rows("| objective | bad")) == list(OBJECTIVES)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_objective_may_be_missed_by_as_much_as_its_rule_says_in_the_window_that_it_counts(
    objective: str,
) -> None:
    of_what, bad, window, _ = rows("| objective | of what")[objective]
    budget = float(recorded("airlock:objective_budget:ratio", objective).removeprefix("vector(").rstrip(")"))
    assert float(bad.removesuffix(" %")) == pytest.approx(100 * budget)
    assert f"{100 * (1 - budget):g} %" in of_what
    (left,) = [one["expr"] for one in rules() if one.get("record") == "airlock:objective_budget_left:ratio"]
    days = {which: count for count, which in re.findall(r'ratio_(\d+)d\{objective(!?=)"agents"\}', left)}
    assert window == f"{days['=' if objective == 'agents' else '!=']} days"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_is_bad_and_of_what_is_counted_as_the_page_says(objective: str) -> None:
    bad, total = rows("| objective | bad")[objective]
    for said, expr in (
        (bad, recorded("airlock:objective_bad:increase5m", objective)),
        (total, recorded("airlock:objective_total:increase5m", objective)),
    ):
        spelled = [one.replace("\\|", "|") for one in re.findall("`(.+?)`", said)]
        if said == "its count":
            spelled = [one.replace("\\|", "|") for one in re.findall("`(.+?)`", bad)]
        assert {whole(one.metric) for text in spelled for one in named(text)} == {
            whole(one.metric) for one in named(expr)
        }
        for selector in (each for text in spelled for each in re.findall(r'\w+=~?"[^"]*"', text)):
            assert selector in expr
        for bound in re.findall(r"above (\d+)", said):
            assert f'le=~"{bound}|{bound}[.]0"' in expr


@pytest.mark.parametrize("objective", ["resumption", "review"])
def test_a_bound_in_seconds_is_the_one_that_is_counted(objective: str) -> None:
    of_what, *_ = rows("| objective | of what")[objective]
    (seconds,) = re.findall(r"(\d+) s\b", of_what)
    assert f"above {seconds}" in rows("| objective | bad")[objective][0]


@pytest.mark.parametrize("name", ["AirlockBudgetBurnsFast", "AirlockBudgetBurnsSlowly", "AirlockBudgetLeaks"])
def test_an_alert_looks_at_the_windows_and_rates_that_the_page_says(name: str) -> None:
    windows, rates, level = rows("| alert | long window")[name]
    rule: dict[str, Any] = alerts()[name]
    assert level.startswith(f"{rule['labels']['severity']}:")
    others, of_agents = sides(rule["expr"])
    spelled = [f"{count}{_UNITS[unit]}" for count, unit in re.findall(r"(\d+) (min|h|days?)\b", windows)]
    assert spelled[:2] == others[0]
    assert (spelled[2:] or spelled) == of_agents[0]
    burns = re.findall(r"[\d.]+", rates)
    assert [float(burn) for burn in burns] == [others[1], of_agents[1]]
    assert "/ 5 >= 10" in rule["expr"]
    assert "Below ten events" in PAGE


def sides(expr: str) -> list[tuple[list[str], float]]:
    """Of all others and of agents: the long window and the short one, and the rate for both."""
    found = []
    for side in expr.partition("\n)")[0].split(" or "):
        windows = re.findall(r"objective_bad:ratio_(\w+)", side)
        (factor,) = set(re.findall(r"> (?:([\d.]+) \* )?airlock:objective_budget", side))
        found.append((windows, float(factor or 1)))
    return found


def whole(metric: str) -> str:
    """A histogram's name, of its parts'."""
    return re.sub(r"_(bucket|count)$", "", metric)
