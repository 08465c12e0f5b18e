"""The questions that dashboards and commands are for, and what they answer: as lines, with nothing hidden."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observed_work import BAD, WAITS
from query_languages import read_logql, read_traceql
from telemetry_sink import TelemetrySink
from watching_servers import Prometheus

DASHBOARDS = Path(__file__).parent / "grafana" / "dashboards"
FILLED = {
    "$__rate_interval": "1m",
    "$__range_s": "600",  # before the next one, which is how it begins
    "$__range": "10m",
    "$workflow": ".*",
    "$agent": ".*",
    "$pool": ".*",
    "$tag": ".*",
}
"""What Grafana fills in; `$run` is the run that is asked about."""
MOST_LINES = 12
COMMAND_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel that answers."""

    uid: str
    title: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command of ours that answers, without `airlock`; `says` is what its answer cannot do without."""

    words: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know. `{run}` is the run that failed."""

    text: str
    asked: tuple[Panel | Command, ...]


QUESTIONS = (
    Question(
        "Which approvals wait, and since when (in seconds)?",
        (
            Panel("airlock-approvals", "Approvals that wait"),
            Panel("airlock-approvals", "The oldest has waited"),
            Command(("approvals", "list", "--status", "pending"), says=WAITS),
        ),
    ),
    Question(
        "How long do agents take this week, in seconds?",
        (Panel("airlock-agents", "Which agent got slower this week"),),
    ),
    Question("Of what do agents fail?", (Panel("airlock-agents", "Failures by code"),)),
    Question(
        f"Why did run {{run}} of {BAD} fail?",
        (
            Panel("airlock-workflows", "What was said about the run"),
            Panel("airlock-workflows", "What failed in it"),
            Command(("runs", "explain", "{run}"), says="agent.broken"),
            Command(("logs", "{run}"), says="this will not end well"),
        ),
    ),
    Question(
        "What did workflows cost, in container seconds?",
        (Panel("airlock-cost", "What each workflow cost"),),
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one panel or command answered."""

    question: str
    source: str
    lines: tuple[str, ...]
    problem: str = ""
    """Why that is no answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, and about which run."""

    prometheus: Prometheus
    sink: TelemetrySink
    run: str
    environment: Mapping[str, str]
    """Where commands find the install and their key."""


async def answers(asked: Asked) -> tuple[Answer, ...]:
    """All of them, in order."""
    found = []
    for question in QUESTIONS:
        text = question.text.format(run=asked.run)
        for one in question.asked:
            if isinstance(one, Panel):
                found.append(await _of_panel(text, one, asked))
            else:
                found.append(await _of_command(text, one, asked))
    return tuple(found)


def first_query(panel: Panel, run: str) -> tuple[str, str]:
    """Whom a panel asks first, and what, with all choices at everything. Raises StopIteration without one."""
    dashboard = json.loads((DASHBOARDS / f"{panel.uid}.json").read_text("utf-8"))
    target = next(one for one in dashboard["panels"] if one["title"] == panel.title)["targets"][0]
    asked: str = target.get("expr") or target["query"]
    for name, value in {**FILLED, "$run": run}.items():
        asked = asked.replace(name, value)
    return target["datasource"]["uid"], asked


async def _of_panel(question: str, panel: Panel, asked: Asked) -> Answer:
    source, query = first_query(panel, asked.run)
    match source:
        case "prometheus":
            lines = _figures(await asked.prometheus.query(query))
        case "loki":
            logs = read_logql(query)
            lines = [
                logs.show(line.text, line.labels)
                for line in list(asked.sink.lines)
                if logs.finds(line.text, line.labels)
            ]
        case _:
            spans = read_traceql(query)
            lines = [
                f"{span.fields['name']} ({span.fields['resource.service.name']})"
                for span in list(asked.sink.spans)
                if spans.finds(span.fields)
            ]
    return Answer(
        question,
        f"{panel.uid}: {panel.title}",
        tuple(line.rstrip() for line in lines[:MOST_LINES]),
        "" if lines else "shows nothing",
    )


def _figures(series: list[dict[str, Any]]) -> list[str]:
    """The rows of a panel with their labels, largest first. What is no number is no answer."""
    values = [(float(one["value"][1]), " ".join(one["metric"].values())) for one in series]
    rows = sorted((row for row in values if not math.isnan(row[0])), reverse=True)
    return [f"{value:10.1f}  {labels}" for value, labels in rows]


async def _of_command(question: str, command: Command, asked: Asked) -> Answer:
    words = [word.format(run=asked.run) for word in command.words]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airlock_client", *words),
        env={**os.environ, **asked.environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, problem = "", ""
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            said = (await process.communicate())[0].decode("utf-8", "replace")
    except TimeoutError:
        problem = f"has not ended within {COMMAND_SECONDS:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not problem and process.returncode:
        problem = f"ends with exit code {process.returncode}"
    if not problem and command.says not in said:
        problem = f"does not say {command.says!r}"
    lines = tuple(line.rstrip() for line in said.splitlines() if line.strip())[:MOST_LINES]
    return Answer(question, f"$ airlock {' '.join(words)}", lines, problem)
