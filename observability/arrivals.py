"""What came where while `make observe` had its install at work, and what of it is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airlock_contracts.statuses import RunStatus
from observed_work import PLAN, TELLS
from panel_answers import Answer

PROCESSES = ("orchestration", "agent-host")
KINDS = ("traces", "logs", "metrics")
_PARTS = {"traces": "spans", "logs": "lines", "metrics": "exports"}
ALERT = "AirlockDeadLetters"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All of it at one moment."""

    scraped: Mapping[str, tuple[int, int]]
    """How many metrics and series Prometheus has of a process."""
    sent: Mapping[tuple[str, str], int]
    """What the sink was sent, by kind and process."""
    exported: Mapping[str, int]
    """How many metrics a process sent it."""
    traces: Mapping[str, frozenset[str]]
    """Whose spans are in a trace."""
    alerts: tuple[tuple[str, str], ...]
    """What Alertmanager has: name and severity."""
    runs: Mapping[tuple[str, RunStatus], int]
    """How many runs of a workflow are in a status."""
    answers: tuple[Answer, ...]


def missing(seen: Arrivals) -> list[str]:
    """What should be there and is not, a sentence each; empty: every signal arrived."""
    return [*_signals_missing(seen), *_runs_amiss(seen), *_answers_missing(seen)]


def told(seen: Arrivals) -> Iterator[str]:
    """All of it as lines: a table of signals, how runs ended, and each question with its answers."""
    rows = [("signal", "from", "arrived at", "what"), *_rows(seen)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    for (workflow, status), count in sorted(seen.runs.items()):
        yield f"runs of {workflow}: {count} {status.value}"
    asked = ""
    for answer in seen.answers:
        if answer.question != asked:
            asked = answer.question
            yield from ("", asked)
        yield f"  {answer.source}"
        yield from (f"      {line}" for line in answer.lines)


def _rows(seen: Arrivals) -> Iterator[tuple[str, str, str, str]]:
    for process in PROCESSES:
        metrics, series = seen.scraped.get(process, (0, 0))
        yield "metrics", process, "Prometheus", f"{metrics} metrics, {series} series, scraped"
    for kind in KINDS:
        for process in PROCESSES:
            what = f"{seen.sent.get((kind, process), 0)} {_PARTS[kind]}"
            if kind == "metrics":
                what += f" of {seen.exported.get(process, 0)} metrics"
            yield kind, process, "OTLP sink", what
    joined = sum(1 for whose in seen.traces.values() if whose.issuperset(PROCESSES))
    yield "traces", "both", "OTLP sink", f"{len(seen.traces)} traces, {joined} of them with spans of both"
    for name, severity in seen.alerts:
        yield "alerts", "Prometheus", "Alertmanager", f"{name} ({severity})"
    notices = sum(count for (workflow, _), count in seen.runs.items() if workflow == TELLS)
    yield "alerts", "Alertmanager", "Airlock", f"{notices} runs of {TELLS}"


def _signals_missing(seen: Arrivals) -> Iterator[str]:
    for process in PROCESSES:
        if not seen.scraped.get(process, (0, 0))[1]:
            yield f"Prometheus has scraped nothing of {process}"
    for kind in KINDS:
        for process in PROCESSES:
            if not seen.sent.get((kind, process)):
                yield f"{process} has sent no {kind} by OTLP"
    if not any(whose.issuperset(PROCESSES) for whose in seen.traces.values()):
        yield f"no trace has spans of both {' and '.join(PROCESSES)}"
    if ALERT not in {name for name, _ in seen.alerts}:
        yield f"Alertmanager has no {ALERT}"


def _runs_amiss(seen: Arrivals) -> Iterator[str]:
    there = {workflow for workflow, _ in seen.runs}
    yield from (f"no run of {workflow}" for workflow in PLAN if workflow not in there)
    for (workflow, status), count in sorted(seen.runs.items()):
        if workflow not in PLAN:
            yield f"nobody planned runs of {workflow}, and there are {count}"
        elif status is not PLAN[workflow]:
            yield f"{count} of {workflow} should be {PLAN[workflow].value} and came to {status.value}"


def _answers_missing(seen: Arrivals) -> Iterator[str]:
    if not seen.answers:
        yield "nobody was asked anything"
    for answer in seen.answers:
        if answer.problem:
            yield f"{answer.source} {answer.problem}"
