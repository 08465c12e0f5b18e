"""Every code that an answer or a failure may have has its page, and errors say what to do."""

from __future__ import annotations

import re
from pathlib import Path

from airlock_contracts import failures
from airlock_contracts.problems import Finding, Problem
from airlock_orchestration.api.problems import every_error, render
from airlock_orchestration.errors import MAX_FINDINGS, AirlockError, Category, RateLimited, WorkflowInvalid

PAGES = Path(__file__).parents[3] / "docs" / "errors"
FAILURE_CODES = {value for name, value in vars(failures).items() if name.isupper() and isinstance(value, str)}


def test_every_code_has_a_page_and_no_page_is_of_another() -> None:
    codes = {error.code for error in every_error()} | FAILURE_CODES
    assert len(FAILURE_CODES) > 15
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == codes


def test_every_page_says_what_it_means_and_what_to_do() -> None:
    for page in PAGES.glob("*.*.md"):
        text = page.read_text()
        assert text.startswith(f"# {page.stem}\n"), page
        assert "## What it means" in text, page
        assert re.search(r"## What to do\n\n- \w", text.replace("`", "x")), page
        listed = f"[{page.stem}]({page.name})"
        assert listed in (PAGES / "README.md").read_text(), page


def test_no_two_errors_share_a_code_and_each_has_a_title() -> None:
    errors = list(every_error())
    assert len({error.code for error in errors}) == len(errors)
    for error in errors:
        assert error.title().endswith("."), error
        assert 400 <= error.status < 600, error
        assert isinstance(error.category, Category)


def test_a_problem_holds_what_rfc_9457_asks_for() -> None:
    error = RateLimited("more than 100", headers={"Retry-After": "7"}, limit=100)
    answer = render(error, "/api/runs")
    problem = Problem.model_validate_json(bytes(answer.body))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "7"
    assert (answer.status_code, problem.status) == (429, 429)
    assert problem.title == "Too many requests of this class within a minute."
    assert (problem.detail, problem.instance) == ("more than 100", "/api/runs")
    assert (problem.code, problem.category, problem.retryable) == ("rate.limited", "limit", True)
    assert problem.details == {"limit": 100}


def test_an_answer_lists_a_bounded_number_of_problems() -> None:
    findings = [Finding(place=f"nodes.n{n}", code="x", message="y") for n in range(1000)]
    assert len(WorkflowInvalid("many", errors=findings).errors) == MAX_FINDINGS


def test_a_detail_with_quotes_and_unicode_stays_json() -> None:
    problem = Problem.model_validate_json(bytes(render(AirlockError('"ünï"\n\x1b[31m'), None).body))
    assert problem.detail == '"ünï"\n\x1b[31m'
