"""System health, second half: our own processes, what was lost, how much room is left."""

from expressions import grown, grown_or_none, per_minute, per_second, quantile
from panels import Figures, Lines, Query, Row, Table, above, below, dashboard_link, lines_link

OURS = 'job=~"orchestration|agent-host"'
BY_THEMSELVES = 'code!~"exit.nonzero|memory.exceeded"'
"""Failures of sandboxes that no agent brings about by how it ends or what it takes."""

US = Row(
    "Is it us?",
    (
        Lines(
            "API: answers begin within, 95 %",
            "Is the API slow, and on which route? A stream that goes on is no slow answer; an upload is one while it comes in.",
            width=8,
            unit="s",
            steps=above(0.5, 2),
            queries=(
                Query(
                    quantile(0.95, "http_request_duration_seconds", by="route, method"),
                    "{{method}} {{route}}",
                ),
            ),
        ),
        Lines(
            "API: answers by status",
            "Do callers get errors? 4xx: they err, 429: they ask too often, 5xx: we err, 499: they left first.",
            width=8,
            unit="cpm",
            stacked=True,
            queries=(Query(per_minute("http_requests_total", by="status"), "{{status}}"),),
            links=(lines_link("Our own errors", '{service_name="orchestration"} |= "request.failed"'),),
        ),
        Figures(
            "Requests refused by rate",
            "Who was told to ask less often? In the time shown, by class of limit.",
            width=8,
            unit="none",
            decimals=0,
            steps=above(1, 1000),
            queries=(Query(grown_or_none("rate_limited_total", by="class"), "{{class}}"),),
        ),
        Lines(
            "Event loop: late by, 99 %",
            "Is a process blocked or starved of processor? Everything in it waits as long.",
            width=8,
            unit="s",
            steps=above(0.1, 0.5),
            queries=(
                Query(quantile(0.99, "event_loop_lag_seconds", by="job, instance"), "{{job}} {{instance}}"),
            ),
        ),
        Lines(
            "Commits: time of one, 95 %",
            "Is Postgres slow, or are too many waiting for it? From asking for a connection to the answer.",
            width=8,
            unit="s",
            steps=above(0.1, 1),
            queries=(Query(quantile(0.95, "commit_seconds", by="instance"), "{{instance}}"),),
        ),
        Lines(
            "Commits, and signals that shared one",
            "How much goes through the door? More signals in a commit is the batch doing its work at load.",
            width=8,
            unit="none",
            queries=(
                Query(per_second("commits_total"), "commits a second"),
                Query(
                    f"{per_second('signals_per_commit_sum')} / {per_second('signals_per_commit_count')}",
                    "signals in one",
                ),
            ),
        ),
        Lines(
            "Connections to Postgres in use",
            "Is a pool used up? 1 is all of a replica's: whoever asks next, waits. Pools of one connection (`counting`, "
            "`recognising`) are at 1 in each question: look at those only if they stay there.",
            width=8,
            unit="percentunit",
            steps=above(0.8, 0.95),
            queries=(
                Query(
                    'sum by (instance, pool) (database_connections{state="used"})'
                    " / sum by (instance, pool) (database_connections)",
                    "{{pool}} {{instance}}",
                ),
            ),
        ),
        Lines(
            "Memory of our processes",
            "Does a process grow without end?",
            width=8,
            unit="bytes",
            queries=(Query(f"process_resident_memory_bytes{{{OURS}}}", "{{job}} {{instance}}"),),
        ),
        Lines(
            "Files and connections open",
            "Does a process run out of file descriptors? 1 is all it may have.",
            width=8,
            unit="percentunit",
            steps=above(0.7, 0.9),
            queries=(
                Query(f"process_open_fds{{{OURS}}} / process_max_fds{{{OURS}}}", "{{job}} {{instance}}"),
            ),
        ),
    ),
)

LOST = Row(
    "Was anything lost?",
    (
        Figures(
            "Nodes that nothing would wake",
            "Would a run sleep for ever? Anything but 0 is a fault of ours: report it.",
            width=5,
            height=6,
            unit="none",
            steps=above(1, 1),
            queries=(Query("max(wakeup_certificate_violations)", "nodes"),),
        ),
        Figures(
            "Dead letters that are kept",
            "Were there messages that could never be handled?",
            width=5,
            height=6,
            unit="none",
            steps=above(1, 10),
            queries=(Query("max(dead_letters_waiting)", "messages"),),
            links=(
                lines_link("Which", '{service_name=~"orchestration|agent-host"} |= "message.dead_lettered"'),
            ),
        ),
        Figures(
            "Attempts whose lease lapsed",
            "Did hosts vanish while they worked? Those attempts run again elsewhere. In the time shown.",
            width=5,
            height=6,
            unit="none",
            decimals=0,
            steps=above(1, 10),
            queries=(Query("sum(increase(leases_lost_total[$__range]))", "attempts"),),
        ),
        Figures(
            "Reports that nobody has called settled",
            "Is a host's work stuck on its disk? Some are always under way; a number that only grows is not.",
            width=4,
            height=6,
            unit="none",
            steps=above(100, 1000),
            queries=(Query("sum(reports_waiting)", "reports"),),
        ),
        Figures(
            "Telemetry that was dropped",
            "Are traces, lines or figures missing here? The collector was away, slow or refused. In the time shown.",
            width=5,
            height=6,
            unit="none",
            decimals=0,
            steps=above(1, 1000),
            queries=(Query(grown_or_none("telemetry_dropped_total", by="signal"), "{{signal}}"),),
        ),
    ),
)

ROOM = Row(
    "Room, and what runs",
    (
        Lines(
            "Disk of hosts that is free",
            "Does a host run out of disk? It takes no work with less than AIRLOCK_DISK_RESERVE_MB (1 GiB).",
            width=8,
            unit="percentunit",
            steps=below(0.2, 0.1),
            queries=(Query("disk_free_bytes / disk_size_bytes", "{{instance}} {{folder}}"),),
        ),
        Lines(
            "Memory for sandboxes that is used",
            "Is it memory that keeps a host from taking more? Slots may be free all the same.",
            width=8,
            unit="percentunit",
            queries=(
                Query(
                    'sum by (instance) (host_memory_bytes{state="used"}) / sum by (instance) (host_memory_bytes)',
                    "{{instance}}",
                ),
                Query("sandboxes_open / host_slots", "sandboxes there, of slots, {{instance}}"),
            ),
        ),
        Lines(
            "Size of the database",
            "How large is it, and how fast does it grow? Choose a week. Inputs, outputs, artifacts, agents' lines and the journal.",
            width=8,
            unit="bytes",
            queries=(Query("max(database_size_bytes)", "database"),),
        ),
        Table(
            "Failures of sandboxes by code",
            "Do sandboxes fail by themselves? By host, in the time shown, without an agent's exit code or memory. "
            "None is best; where it is one agent's start.failed alone, its own program did not get ready.",
            width=12,
            unit="none",
            decimals=0,
            sort="failures",
            queries=(
                Query(grown("sandbox_errors_total", by="instance, code", selector=BY_THEMSELVES), "failures"),
            ),
            links=(dashboard_link("Which agents", "airlock-agents"),),
        ),
        Table(
            "What runs",
            "Which versions are there? Two at once is an upgrade under way, or one forgotten.",
            width=12,
            unit="none",
            sort="processes",
            queries=(Query("count by (service, version) (airlock_info)", "processes"),),
        ),
    ),
)
