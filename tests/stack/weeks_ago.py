"""What Prometheus would still know of the week before this one, if the install were older than a test."""

import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from airlock_chassis.telemetry.metrics import SECONDS
from watching_servers import program

TOOK = {"hostile": 60.0, "obedient": 0.05, "speaking": 60.0}
"""Seconds, each attempt of an agent."""
ATTEMPTS = 40


def remember_weeks_ago(data: Path, now: datetime) -> None:
    """Put a day of attempts, ten days before `now`, into a Prometheus' folder that is not there yet."""
    data.mkdir(parents=True, mode=0o700)
    told = data.parent / "weeks-ago.txt"
    told.write_text(_history(now - timedelta(days=10)), "utf-8")
    subprocess.run(
        [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(told), str(data)],
        check=True,
        capture_output=True,
        timeout=60,
    )


def _history(began: datetime) -> str:
    """In OpenMetrics' text format, which gives each value its time."""
    lines = ["# TYPE agent_duration_seconds histogram"]
    for agent, took in TOOK.items():
        for hours, count in ((0, 0), (6, ATTEMPTS // 2), (12, ATTEMPTS)):
            at = f"{(began + timedelta(hours=hours)).timestamp():.3f}"
            labels = f'agent="{agent}",action="do"'
            lines += [
                f'agent_duration_seconds_bucket{{{labels},le="{bound}"}} {count if bound >= took else 0} {at}'
                for bound in (*map(float, SECONDS), float("inf"))
            ]
            lines.append(f"agent_duration_seconds_sum{{{labels}}} {count * took:g} {at}")
            lines.append(f"agent_duration_seconds_count{{{labels}}} {count} {at}")
    return "\n".join([*lines, "# EOF"]).replace('le="inf"', 'le="+Inf"') + "\n"
