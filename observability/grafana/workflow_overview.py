"""Workflow overview: what runs, what failed, how long it takes; and why one run failed."""

from expressions import chosen, grown, per_minute, quantile, share_grown
from panels import (
    Choice,
    Dashboard,
    Figures,
    Lines,
    LogLines,
    Query,
    Row,
    Table,
    TextBox,
    Traces,
    above,
    below,
    budget_left,
    dashboard_link,
)

CHOSEN = chosen("workflow")
ENDED = f'{CHOSEN},status=~"SUCCESS|FAILED"'
BY_WORKFLOW = "${__field.labels.workflow}"

NOW = Row(
    "How it goes",
    (
        Figures(
            "Runs that have not ended",
            "What is under way now, of all workflows? PENDING: about to start. WAITING_APPROVAL: a person must decide.",
            width=8,
            height=5,
            queries=(Query("max by (status) (workflows_active)", "{{status}}"),),
            links=(dashboard_link("Who is waited for", "airlock-approvals"),),
        ),
        Figures(
            "Runs that ended",
            "How many runs of the chosen workflows ended in the time shown, and how?",
            width=6,
            height=5,
            decimals=0,
            queries=(
                Query(
                    grown("workflow_runs_total", by="status", selector=f'{CHOSEN},status!="STARTED"'),
                    "{{status}}",
                ),
            ),
        ),
        Figures(
            "Succeeded",
            "Which share of the runs that ended by themselves succeeded? A rejected approval ends a run FAILED.",
            width=4,
            height=5,
            unit="percentunit",
            steps=below(0.99, 0.95),
            queries=(
                Query(
                    share_grown("workflow_runs_total", part=f'{CHOSEN},status="SUCCESS"', whole=ENDED),
                    "succeeded",
                ),
            ),
        ),
        budget_left(
            "runs|review", "How much may still go wrong before an objective is missed?", width=6, height=5
        ),
        Lines(
            "Runs that end, by status",
            "When did runs begin to fail? A line of FAILED that rises while SUCCESS falls is a change of yesterday or today.",
            width=12,
            unit="cpm",
            stacked=True,
            queries=(
                Query(
                    per_minute("workflow_runs_total", by="status", selector=f'{CHOSEN},status!="STARTED"'),
                    "{{status}}",
                ),
            ),
        ),
        Lines(
            "Runs that begin, by what started them",
            "Who starts so many runs? api and cli are people and their programs, webhook is an alert, retry a second try.",
            width=12,
            unit="cpm",
            stacked=True,
            queries=(
                Query(
                    per_minute("workflow_runs_total", by="trigger", selector=f'{CHOSEN},status="STARTED"'),
                    "{{trigger}}",
                ),
            ),
        ),
        Lines(
            "How long a run takes",
            "Do people or machines take the time? Working leaves out the time in which a run only waited for people.",
            width=12,
            unit="s",
            queries=(
                Query(quantile(0.5, "workflow_duration_seconds", selector=CHOSEN), "half of all, in all"),
                Query(quantile(0.95, "workflow_duration_seconds", selector=CHOSEN), "95 %, in all"),
                Query(quantile(0.95, "workflow_working_seconds", selector=CHOSEN), "95 %, working"),
            ),
        ),
        Lines(
            "Working time by workflow, 95 %",
            "Which workflow got slow?",
            width=12,
            unit="s",
            steps=above(10, 60),
            queries=(
                Query(
                    quantile(0.95, "workflow_working_seconds", selector=CHOSEN, by="workflow"), "{{workflow}}"
                ),
            ),
            links=(
                dashboard_link("Only this workflow", "airlock-workflows", workflow=BY_WORKFLOW),
                dashboard_link("Which agent is slow", "airlock-agents"),
            ),
        ),
    ),
)

EACH = Row(
    "Which workflow",
    (
        Table(
            "Runs by workflow",
            "Which workflow fails, how often, and how slow is it? Of the time shown.",
            width=14,
            sort="failed",
            queries=(
                Query(grown("workflow_runs_total", by="workflow", selector=ENDED), "ended", unit="none"),
                Query(
                    grown("workflow_runs_total", by="workflow", selector=f'{CHOSEN},status="FAILED"'),
                    "failed",
                    unit="none",
                    steps=above(1, 10),
                ),
                Query(
                    quantile(
                        0.95, "workflow_working_seconds", selector=CHOSEN, by="workflow", window="[$__range]"
                    ),
                    "working, 95 %",
                    unit="s",
                ),
            ),
            decimals=0,
            links=(dashboard_link("What it cost", "airlock-cost", workflow="${__data.fields.workflow}"),),
        ),
        Lines(
            "Attempts, by what became of them",
            "Do steps get through? DISPATCHED without RUNNING or an end: nobody takes them. LOST: a host was gone.",
            width=10,
            unit="cpm",
            queries=(Query(per_minute("attempts_total", by="status"), "{{status}}"),),
            links=(dashboard_link("Queue and hosts", "airlock-system"),),
        ),
        LogLines(
            "Runs that failed",
            "Which runs failed, and with what code? The link Run of a line leads to the row below, the link Trace to Tempo.",
            width=24,
            logql='{service_name="orchestration"} |= "run.finished" | workflow =~ "$workflow" | status = "FAILED"'
            ' | line_format "{{ __line__ }} {{.workflow}} {{.code}} {{.run}}"',
        ),
    ),
)

ONE = Row(
    "Why did run $run fail? (its id goes into the box above)",
    (
        LogLines(
            "What was said about the run",
            "What happened, in order? Lines of both services and the agents' own, of the run in the box; the last FAILED has the code. "
            "A run from before the time shown has none here: choose its time.",
            width=14,
            height=12,
            logql='{service_name=~"orchestration|agent-host"} | run != "" | run = "$run"'
            ' | line_format "{{ __line__ }} {{.node}} {{.attempt}} {{.status}} {{.code}}"',
        ),
        Traces(
            "What failed in it",
            "Which step failed, on which host, after how long? A row is a span with the status of an error; it leads to the whole trace.",
            width=10,
            height=6,
            traceql='{ span.airlock.run = "$run" && status = error }',
            of="spans",
        ),
        Traces(
            "Its trace",
            "Where did the time go? Until the run has ended there is no span of its own, only what is below it.",
            width=10,
            height=6,
            traceql='{ span.airlock.run = "$run" && name =~ "invoke_workflow.*|node.*" }',
        ),
    ),
)

WORKFLOWS = Dashboard(
    uid="airlock-workflows",
    title="Airlock: workflow overview",
    answers="What runs, what failed and why, how long runs take.",
    rows=(NOW, EACH, ONE),
    variables=(Choice("workflow", "workflow_runs_total", "workflow", "Workflow"), TextBox("run", "Run")),
    since="now-24h",
)
