"""Agent performance: which agent got slower, which one fails and of what, what its sandboxes take."""

from expressions import chosen, grown, mean, per_minute, per_second, quantile, share_grown
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
    lines_link,
)

CHOSEN = chosen("agent")
ENDED = f'{CHOSEN},status=~"SUCCESS|FAILED|LOST"'
BAD_ENDS = f'{CHOSEN},status=~"FAILED|LOST"'
ATTEMPTS = per_second("agent_runs_total", by="agent", selector=ENDED)
THIS_AGENT = "${__field.labels.agent}"
ENDINGS = '{service_name="orchestration"} |= "attempt.finished" | status =~ "FAILED|LOST"'
ITS_FAILURES = lines_link("Its attempts that failed", f'{ENDINGS} | agent =~ "{THIS_AGENT}@.+"')

# Means, since a quantile is no finer than a histogram's bounds.
THIS_WEEK = mean("agent_duration_seconds", selector=CHOSEN, by="agent", window="[7d]")
LAST_WEEK = mean("agent_duration_seconds", selector=CHOSEN, by="agent", window="[7d] offset 7d")

WEEK = Row(
    "This week against the last",
    (
        Table(
            "Which agent got slower this week",
            "Which agent takes longer than a week ago? Times are the means of attempts from their request to their answer, without "
            "queue and start, over the last seven days and the seven before; slower by 2 is twice as long. An agent without a week "
            "before has none. Look at the attempts too: of a handful the mean says little, and one very slow one weighs in it. What "
            "95 of 100 took at most is read from a histogram, and is no finer than its bounds.",
            width=16,
            height=9,
            unit="s",
            sort="slower by",
            queries=(
                Query(THIS_WEEK, "this week"),
                Query(LAST_WEEK, "last week"),
                Query(f"{THIS_WEEK} / {LAST_WEEK}", "slower by", unit="none", steps=above(1.2, 1.5)),
                Query(
                    quantile(0.95, "agent_duration_seconds", selector=CHOSEN, by="agent", window="[7d]"),
                    "95 % this week",
                ),
                Query(f"sum by (agent) (increase(agent_runs_total{{{ENDED}}}[7d]))", "attempts", unit="none"),
            ),
            links=(dashboard_link("Only this agent", "airlock-agents", agent="${__data.fields.agent}"),),
        ),
        budget_left("agents", "May agents still fail this week?", width=4, height=9),
        Figures(
            "Attempts that failed",
            "Which share of the attempts in the time shown failed or was lost?",
            width=4,
            height=9,
            unit="percentunit",
            steps=above(0.02, 0.1),
            queries=(Query(share_grown("agent_runs_total", part=BAD_ENDS, whole=ENDED), "failed"),),
        ),
    ),
)

TIME = Row(
    "How long",
    (
        Lines(
            "Time of an attempt, 95 %",
            "Since when is it slow? The agent alone, from its request to its answer: what comes before it is in the next panel.",
            width=12,
            unit="s",
            queries=(
                Query(quantile(0.95, "agent_duration_seconds", selector=CHOSEN, by="agent"), "{{agent}}"),
            ),
            links=(
                dashboard_link("Only this agent", "airlock-agents", agent=THIS_AGENT),
                ITS_FAILURES,
            ),
        ),
        Lines(
            "Before an agent works, 95 %",
            "Is it the agent, or do its attempts wait? In all: from dispatch until a sandbox is started for it, by pool. Where that is "
            "far above the part on the host, attempts wait in the queue, and slots are missing. The start itself is Docker's.",
            width=12,
            unit="s",
            steps=above(2, 10),
            queries=(
                Query(quantile(0.95, "attempt_wait_seconds", by="pool"), "in all, pool {{pool}}"),
                Query(quantile(0.95, "sandbox_slot_wait_seconds"), "of it on the host"),
                Query(quantile(0.95, "sandbox_start_seconds"), "then the sandbox's start"),
            ),
            links=(dashboard_link("Queue and hosts", "airlock-system"),),
        ),
    ),
)

FAILURES = Row(
    "What goes wrong",
    (
        Lines(
            "Attempts that end, by status",
            "How much do the chosen agents do, and since when do they fail?",
            width=12,
            unit="cpm",
            stacked=True,
            queries=(Query(per_minute("agent_runs_total", by="status", selector=CHOSEN), "{{status}}"),),
        ),
        Lines(
            "Share that fails, by agent",
            "Which agent fails? One alone: the agent, or what it was given. All at once: hosts, Docker, the machine.",
            width=12,
            unit="percentunit",
            steps=above(0.02, 0.5),
            queries=(
                Query(
                    f"{per_second('agent_runs_total', by='agent', selector=BAD_ENDS)} / {ATTEMPTS}",
                    "{{agent}}",
                ),
            ),
            links=(ITS_FAILURES,),
        ),
        Table(
            "Failures by code",
            "Of what do agents fail? Each code has a page in docs/errors and steps in docs/troubleshooting.md.",
            width=12,
            decimals=0,
            sort="failures",
            queries=(
                Query(
                    grown("agent_errors_total", by="agent, kind, code", selector=CHOSEN),
                    "failures",
                    unit="none",
                ),
            ),
            links=(dashboard_link("Only this agent", "airlock-agents", agent="${__data.fields.agent}"),),
        ),
        Lines(
            "Second and later attempts",
            "Which agent needs more than one try? A run that succeeds after retries shows nothing anywhere else.",
            width=12,
            unit="cpm",
            queries=(Query(per_minute("agent_retries_total", by="agent", selector=CHOSEN), "{{agent}}"),),
        ),
        LogLines(
            "Attempts that failed or were lost",
            "Which attempts, of which runs, on which hosts? The link Trace of a line leads to the run's trace.",
            width=12,
            logql=f'{ENDINGS} | agent =~ "$agent@.+"'
            ' | line_format "{{.status}} {{.agent}} {{.node}}/{{.attempt}} on {{.host}} of run {{.run}}"',
        ),
        LogLines(
            "What agents said",
            "What did the agent itself say: its log, its progress and its stderr? Airlock keeps the same: airlock logs RUN.",
            width=12,
            logql='{service_name="agent-host"} | airlock_stream = "agent" | agent =~ "$agent@.+"'
            ' | line_format "{{.agent}} {{.stream}}: {{ __line__ }}"',
        ),
    ),
)

TAKEN = Row(
    "What its sandboxes take",
    (
        Lines(
            "Processor time of an attempt",
            "Does it compute more than before, or does it only wait longer? Seconds of processor time, on average.",
            width=8,
            unit="s",
            queries=(
                Query(
                    f"{per_second('sandbox_cpu_seconds_total', by='agent', selector=CHOSEN)} / {ATTEMPTS}",
                    "{{agent}}",
                ),
            ),
            links=(dashboard_link("What it cost", "airlock-cost", agent=THIS_AGENT),),
        ),
        Lines(
            "Most memory of a sandbox, 95 %",
            "Is an agent about to reach its limit of memory? Compare with memory_mb of its manifest.",
            width=8,
            unit="bytes",
            queries=(
                Query(quantile(0.95, "sandbox_peak_memory_bytes", selector=CHOSEN, by="agent"), "{{agent}}"),
            ),
        ),
        Lines(
            "Lines that agents say",
            "Does an agent talk too much? Refused and lost lines are in no log.",
            width=8,
            unit="cpm",
            queries=(Query(per_minute("agent_log_lines_total", by="outcome"), "{{outcome}}"),),
        ),
    ),
)

AGENTS = Dashboard(
    uid="airlock-agents",
    title="Airlock: agent performance",
    answers="Which agent got slower, which one fails and of what, what its sandboxes take.",
    rows=(WEEK, TIME, FAILURES, TAKEN),
    variables=(Choice("agent", "agent_runs_total", "agent", "Agent"),),
    since="now-7d",
)
