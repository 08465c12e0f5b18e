"""What `make observe` calls missing: any kind of signal from either process, an unplanned end, no answer."""

from dataclasses import replace
from typing import Any

import pytest
from airlock_contracts.statuses import RunStatus
from arrivals import ALERT, KINDS, PROCESSES, Arrivals, missing, told
from observed_work import PLAN
from panel_answers import Answer

WHOLE = Arrivals(
    scraped=dict.fromkeys(PROCESSES, (40, 900)),
    sent={(kind, process): 7 for kind in KINDS for process in PROCESSES},
    exported=dict.fromkeys(PROCESSES, 20),
    traces={"ab": frozenset(PROCESSES), "cd": frozenset({"orchestration"})},
    alerts=((ALERT, "P3"),),
    runs=dict.fromkeys(PLAN.items(), 2),
    answers=(
        Answer("How many?", "airlock-approvals: Waiting", ("2.0",)),
        Answer("How many?", "$ airlock approvals list", ("one", "two")),
    ),
)


def without(kind: str, process: str) -> dict[str, Any]:
    return {"sent": {key: 7 for key in WHOLE.sent if key != (kind, process)}}


def with_run(workflow: str, status: RunStatus) -> dict[str, Any]:
    return {"runs": {**WHOLE.runs, (workflow, status): 1}}


LACKING: list[tuple[dict[str, Any], str]] = [
    *(
        (without(kind, process), f"{process} has sent no {kind} by OTLP")
        for kind in KINDS
        for process in PROCESSES
    ),
    ({"scraped": {"orchestration": (40, 900)}}, "Prometheus has scraped nothing of agent-host"),
    (
        {"scraped": {**WHOLE.scraped, "orchestration": (0, 0)}},
        "Prometheus has scraped nothing of orchestration",
    ),
    (
        {"traces": {"ab": frozenset({"agent-host"}), "cd": frozenset({"orchestration"})}},
        "no trace has spans of both orchestration and agent-host",
    ),
    ({"alerts": (("AirlockHostGone", "P1"),)}, "Alertmanager has no AirlockDeadLetters"),
    (
        {"runs": {key: 2 for key in WHOLE.runs if key[0] != "alert-notification"}},
        "no run of alert-notification",
    ),
    (with_run("observed-bad", RunStatus.SUCCESS), "1 of observed-bad should be FAILED and came to SUCCESS"),
    (
        with_run("security-review", RunStatus.RUNNING),
        "1 of security-review should be SUCCESS and came to RUNNING",
    ),
    (
        with_run("approval-only", RunStatus.FAILED),
        "1 of approval-only should be WAITING_APPROVAL and came to FAILED",
    ),
    (with_run("stranger", RunStatus.SUCCESS), "nobody planned runs of stranger, and there are 1"),
    ({"answers": ()}, "nobody was asked anything"),
    (
        {"answers": (*WHOLE.answers, Answer("Why?", "$ airlock logs x", (), "ends with exit code 1"))},
        "$ airlock logs x ends with exit code 1",
    ),
]


def test_nothing_is_missing_where_all_arrived_and_went_as_planned() -> None:
    assert missing(WHOLE) == []


@pytest.mark.parametrize(("less", "said"), LACKING, ids=[said for _, said in LACKING])
def test_what_is_missing_is_told_in_a_sentence(less: dict[str, Any], said: str) -> None:
    assert missing(replace(WHOLE, **less)) == [said]


def test_a_host_that_sends_nothing_is_missed_in_each_kind() -> None:
    silent = replace(WHOLE, sent={key: 7 for key in WHOLE.sent if key[1] != "agent-host"})
    assert len(missing(silent)) == len(KINDS)


def test_the_table_has_a_row_of_each_kind_and_process_also_where_nothing_came() -> None:
    empty = replace(WHOLE, sent={}, scraped={}, exported={})
    rows = [line.split() for line in told(empty)]
    assert ["alerts", "Alertmanager", "Airlock", "2", "runs", "of", "alert-notification"] in rows
    for kind in KINDS:
        for process in PROCESSES:
            assert any(row[:5] == [kind, process, "OTLP", "sink", "0"] for row in rows)


def test_a_question_is_told_once_with_all_of_its_answers() -> None:
    lines = list(told(WHOLE))
    at = lines.index("How many?")
    assert lines[at:] == [
        "How many?",
        "  airlock-approvals: Waiting",
        "      2.0",
        "  $ airlock approvals list",
        "      one",
        "      two",
    ]
