"""How tables count what happened in a time: what a new series began with, and not what was there before."""

import subprocess
from pathlib import Path

import yaml
from dashboard_files import fill
from expressions import grown
from watching_servers import program

COUNTED = {
    # First seen after the time shown began, at 7: all of it happened in that time.
    "new": ("_x25 7x20", 7),
    # 19 more, in 19 of 20 steps that were seen: 20.
    "old": ("100x30 119x20", 20),
    # Not scraped when the time shown began, but before: 50 were there.
    "gap": ("50x5 _x19 50x25", 0),
    # Began anew with 4 when its process did: those happened.
    "again": ("30x30 4x20", 4),
}
"""By workflow: values every 15 s, and by how much each grew in the five minutes before 10 min 7 s."""


def test_a_table_counts_what_a_series_began_with_only_where_nothing_was_there_before(tmp_path: Path) -> None:
    asked = fill(grown("runs_total", by="workflow"))
    story = {
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": f'runs_total{{workflow="{name}"}}', "values": values}
                    for name, (values, _) in COUNTED.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": f"round({asked})",
                        "eval_time": "10m7s",
                        "exp_samples": [
                            {"labels": f'{{workflow="{name}"}}', "value": count}
                            for name, (_, count) in COUNTED.items()
                        ],
                    }
                ],
            }
        ]
    }
    told = tmp_path / "counting.test.yml"
    told.write_text(yaml.safe_dump(story), "utf-8")
    done = subprocess.run(
        [program("promtool"), "test", "rules", str(told)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
