"""Cost: container seconds and processor seconds, by workflow, tag and agent."""

from expressions import chosen, grown, per_second
from panels import Choice, Dashboard, Figures, Lines, Query, Row, Table, dashboard_link

OF_WORKFLOW = f'{chosen("workflow")},tag=""'
OF_TAG = f'{chosen("workflow", "tag")},tag!=""'
OF_AGENT = chosen("agent")

SUMS = Row(
    "In the time shown (yesterday, unless you choose another)",
    (
        Table(
            "What each workflow cost",
            "What did workflow Y cost yesterday? Container seconds: how long its sandboxes were there. Processor seconds: how much they "
            "computed. Failed attempts cost too; what a lost one took nobody knows. Runs are those that ended.",
            width=14,
            height=9,
            unit="s",
            decimals=1,
            sort="container seconds",
            queries=(
                Query(
                    grown("workflow_container_seconds_total", by="workflow", selector=OF_WORKFLOW),
                    "container seconds",
                ),
                Query(
                    grown("workflow_cpu_seconds_total", by="workflow", selector=OF_WORKFLOW),
                    "processor seconds",
                ),
                Query(
                    grown(
                        "workflow_runs_total",
                        by="workflow",
                        selector=f'{chosen("workflow")},status=~"SUCCESS|FAILED|CANCELLED"',
                    ),
                    "runs",
                    unit="none",
                ),
            ),
            links=(dashboard_link("How it runs", "airlock-workflows", workflow="${__data.fields.workflow}"),),
        ),
        Figures(
            "All chosen workflows",
            "What did they cost together?",
            width=10,
            height=9,
            unit="s",
            decimals=1,
            queries=(
                Query(grown("workflow_container_seconds_total", selector=OF_WORKFLOW), "container seconds"),
                Query(grown("workflow_cpu_seconds_total", selector=OF_WORKFLOW), "processor seconds"),
            ),
        ),
        Table(
            "What each tag cost",
            "Which team or project pays? A workflow with two tags stands under both, so do not add tags up.",
            width=12,
            unit="s",
            decimals=1,
            sort="container seconds",
            queries=(
                Query(
                    grown("workflow_container_seconds_total", by="tag", selector=OF_TAG), "container seconds"
                ),
                Query(grown("workflow_cpu_seconds_total", by="tag", selector=OF_TAG), "processor seconds"),
            ),
        ),
        Table(
            "What each agent cost",
            "Which agent is dear, whatever workflow uses it? Many container seconds with few processor seconds: it waits.",
            width=12,
            unit="s",
            decimals=1,
            sort="container seconds",
            queries=(
                Query(
                    grown("agent_container_seconds_total", by="agent", selector=OF_AGENT), "container seconds"
                ),
                Query(grown("sandbox_cpu_seconds_total", by="agent", selector=OF_AGENT), "processor seconds"),
            ),
            links=(dashboard_link("How it performs", "airlock-agents", agent="${__data.fields.agent}"),),
        ),
    ),
)

COURSE = Row(
    "When",
    (
        Lines(
            "Sandboxes at work, by workflow",
            "When, and for what, were sandboxes busy? Container seconds in a second: 3 is three sandboxes at once, on average.",
            width=12,
            unit="none",
            stacked=True,
            queries=(
                Query(
                    per_second("workflow_container_seconds_total", by="workflow", selector=OF_WORKFLOW),
                    "{{workflow}}",
                ),
            ),
            links=(
                dashboard_link("How it runs", "airlock-workflows", workflow="${__field.labels.workflow}"),
            ),
        ),
        Lines(
            "Processors at work, by agent",
            "When, and by whom, were processors busy? Processor seconds in a second: 2 is two whole cores.",
            width=12,
            unit="none",
            stacked=True,
            queries=(
                Query(per_second("sandbox_cpu_seconds_total", by="agent", selector=OF_AGENT), "{{agent}}"),
            ),
            links=(dashboard_link("How it performs", "airlock-agents", agent="${__field.labels.agent}"),),
        ),
    ),
)

COST = Dashboard(
    uid="airlock-cost",
    title="Airlock: cost",
    answers="What workflows, tags and agents cost, in container seconds and processor seconds.",
    rows=(SUMS, COURSE),
    variables=(
        Choice("workflow", "workflow_container_seconds_total", "workflow", "Workflow"),
        Choice("tag", 'workflow_container_seconds_total{tag!=""}', "tag", "Tag"),
        Choice("agent", "agent_container_seconds_total", "agent", "Agent"),
    ),
    since="now-1d/d",
    until="now-1d/d",
    refresh="",
)
