"""Approvals: what waits for people and since when, how they decide, and how fast work goes on afterwards."""

from expressions import chosen, grown, quantile
from panels import (
    Choice,
    Dashboard,
    Figures,
    Lines,
    LogLines,
    Query,
    Row,
    Table,
    above,
    budget_left,
    dashboard_link,
)

CHOSEN = chosen("workflow")
HOUR, DAY = 3600, 86_400

WAITING = Row(
    "What waits now",
    (
        Figures(
            "Approvals that wait",
            "For how many decisions are people waited for now, in all workflows?",
            width=5,
            height=6,
            unit="none",
            steps=above(10, 50),
            queries=(Query("max(approvals_pending)", "waiting"),),
        ),
        Figures(
            "The oldest has waited",
            "Since when does the oldest one wait? 0: none does.",
            width=5,
            height=6,
            unit="s",
            steps=above(4 * HOUR, DAY),
            queries=(Query("max(approvals_oldest_seconds)", "oldest"),),
        ),
        LogLines(
            "Asked and decided",
            "Which approvals wait, and since when? A question without a later line of the same approval is open. Those asked before the "
            "time shown, or before the last 500 lines, are not here. All that wait are listed by: airlock approvals list",
            width=14,
            height=12,
            logql='{service_name="orchestration"} |~ "^approval[.](requested|decided)$" | workflow =~ "$workflow"'
            ' | line_format "{{ __line__ }} {{.workflow}} {{.node}} {{.status}} {{.by}} approval {{.approval}} of run {{.run}}"',
        ),
        Lines(
            "Approvals that wait, over time",
            "Does it pile up? A line that only rises at night is a team asleep; one that rises for days is a team that does not know.",
            width=10,
            height=6,
            unit="none",
            queries=(Query("max(approvals_pending)", "waiting"),),
        ),
    ),
)

DECIDED = Row(
    "How people decide",
    (
        Lines(
            "Age of the oldest",
            "Was anything forgotten? A line that rises straight and never falls is an approval that nobody looks at.",
            width=8,
            unit="s",
            steps=above(4 * HOUR, DAY),
            queries=(Query("max(approvals_oldest_seconds)", "oldest"),),
        ),
        Lines(
            "Time until a decision",
            "How long do people take? From the question to its decision, expiry or withdrawal.",
            width=8,
            unit="s",
            queries=(
                Query(quantile(0.5, "workflow_approval_wait_seconds", selector=CHOSEN), "half of all"),
                Query(quantile(0.95, "workflow_approval_wait_seconds", selector=CHOSEN), "95 %"),
            ),
        ),
        Table(
            "What became of questions",
            "Which workflow's questions are refused or expire? EXPIRED: nobody decided in time. WITHDRAWN: the run was cancelled.",
            width=8,
            unit="none",
            decimals=0,
            sort="questions",
            queries=(
                Query(
                    grown("workflow_approval_wait_seconds_count", by="workflow, status", selector=CHOSEN),
                    "questions",
                ),
            ),
            links=(
                dashboard_link("This workflow", "airlock-workflows", workflow="${__data.fields.workflow}"),
            ),
        ),
    ),
)

AFTER = Row(
    "After a decision",
    (
        Lines(
            "From approval to work, by workflow, 95 %",
            "Does work go on at once when somebody has approved? The objective is 5 s; more means that no slot was free.",
            width=16,
            unit="s",
            steps=above(2.5, 5),
            queries=(
                Query(
                    quantile(0.95, "workflow_resumption_seconds", selector=CHOSEN, by="workflow"),
                    "{{workflow}}",
                ),
            ),
            links=(dashboard_link("Queue and hosts", "airlock-system"),),
        ),
        budget_left("resumption", "How many may still go on late this month?", width=8),
    ),
)

APPROVALS = Dashboard(
    uid="airlock-approvals",
    title="Airlock: approvals",
    answers="Which approvals wait and since when, how long decisions take, and how fast work goes on after them.",
    rows=(WAITING, DECIDED, AFTER),
    variables=(Choice("workflow", "workflow_approval_wait_seconds_count", "workflow", "Workflow"),),
    since="now-7d",
)
