"""System health: is it us or them? What carries the runs, from the outside in."""

from expressions import quantile
from panels import (
    BAD,
    GOOD,
    WARN,
    YES_NO,
    Choice,
    Dashboard,
    Figures,
    Lines,
    Query,
    Row,
    above,
    below,
)
from system_inside import LOST, OURS, ROOM, US

BREAKER = {"0": (GOOD, "closed"), "1": (WARN, "half open"), "2": (BAD, "open")}

ALIVE = Row(
    "Does everything answer?",
    (
        Figures(
            "Processes",
            "Which of our processes answer? A replica that was stopped in order is not listed.",
            width=6,
            height=6,
            steps=below(1, 0.5),
            words=YES_NO,
            queries=(Query(f"min by (job, instance) (up{{{OURS}}})", "{{job}} {{instance}}"),),
        ),
        Figures(
            "Neighbours",
            "Do Postgres, NATS and Docker answer? If one does not: it is them. Of several replicas or hosts the worst is shown.",
            width=6,
            height=6,
            steps=below(1, 0.5),
            words=YES_NO,
            queries=(
                Query("min(database_up)", "Postgres"),
                Query("min by (job) (nats_up)", "NATS, from {{job}}"),
                Query("min(docker_up)", "Docker"),
            ),
        ),
        Figures(
            "Breakers",
            "Is a neighbour left alone because it did not answer? otlp: the collector; docker, api: of hosts.",
            width=6,
            height=6,
            steps=above(1, 2),
            words=BREAKER,
            queries=(Query("max by (breaker) (circuit_breaker_state)", "{{breaker}}"),),
        ),
        Figures(
            "Alerts that fire",
            "Has Prometheus noticed already? Each alert has a runbook.",
            width=6,
            height=6,
            unit="none",
            steps=above(1, 1),
            queries=(
                Query('count(ALERTS{alertstate="firing",severity=~"P0|P1"}) or vector(0)', "P0 and P1"),
                Query('count(ALERTS{alertstate="firing",severity=~"P2|P3"}) or vector(0)', "P2 and P3"),
            ),
        ),
    ),
)

WORK = Row(
    "Does work flow? (them: too much work, too few hosts)",
    (
        Lines(
            "Invocations that wait",
            "Is there more work than slots? If it grows while all are busy, that is load; while some are free, hosts hand the work back.",
            width=8,
            unit="none",
            steps=above(50, 500),
            queries=(Query('max by (pool) (queue_depth{pool=~"$pool"})', "{{pool}}"),),
        ),
        Lines(
            "The oldest of them waits",
            "How long does a step wait for a host at most?",
            width=8,
            unit="s",
            steps=above(30, 300),
            queries=(
                Query('max by (pool) (queue_oldest_seconds{pool=~"$pool"})', "{{pool}}"),
                Query("max(outbox_lag_seconds)", "outbox: overdue to be published again"),
            ),
        ),
        Lines(
            "Slots",
            "How much room is left? Of the hosts that are up.",
            width=8,
            unit="none",
            stacked=True,
            queries=(Query('max by (pool, state) (slots{pool=~"$pool"})', "{{pool}} {{state}}"),),
        ),
        Lines(
            "Hosts",
            "Are hosts gone? gone: not heard of for a minute; draining: it ends in order and takes nothing new.",
            width=8,
            unit="none",
            queries=(Query('max by (pool, status) (hosts{pool=~"$pool"})', "{{pool}} {{status}}"),),
        ),
        Lines(
            "Slots of each host that are busy",
            "Is the work spread? One host at 1 beside one at 0: look at the idle one's breakers.",
            width=8,
            unit="percentunit",
            queries=(Query("host_slots_busy / host_slots", "{{instance}}"),),
        ),
        Lines(
            "Sandboxes' starts, 95 %",
            "Is Docker slow?",
            width=8,
            unit="s",
            steps=above(2, 10),
            queries=(
                Query(quantile(0.95, "sandbox_start_seconds", by="instance"), "start, {{instance}}"),
                Query(
                    quantile(0.95, "sandbox_slot_wait_seconds", by="instance"),
                    "until it starts, {{instance}}",
                ),
            ),
        ),
    ),
)

SYSTEM = Dashboard(
    uid="airlock-system",
    title="Airlock: system health",
    answers="Is it us or them: processes, neighbours, queue, API, database, event loop, what was lost, room.",
    rows=(ALIVE, WORK, US, LOST, ROOM),
    variables=(Choice("pool", "slots", "pool", "Pool"),),
    since="now-3h",
)
