"""How tables count what happened in a time: what a new series began with, and not what was there before."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml
from dashboard_files import fill
from expressions import grown
from watching_servers import program

BEGINS = 7200
"""Second at which the five minutes shown begin, a little after a scrape. They end at 2 h 5 min 7 s."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter that was scraped from one process every 15 s, and by how much it grew in the time shown."""

    values: str
    began: str
    """When its process says in each scrape that it did."""
    grew: int


COUNTED = {
    # Nothing of it was there before, neither the process nor the series.
    "of-a-new-process": Counted("_x490 7x20", f"_x490 {BEGINS + 60}x20", 7),
    # An old process was scraped all the time and has a workflow's first run: it happened in that time.
    "new": Counted("_x490 7x20", "10x510", 7),
    # 19 more, in 19 of 20 steps that were seen: 20.
    "old": Counted("100x490 119x20", "10x510", 20),
    # Not scraped when the time shown began, but before: 50 were there.
    "gap": Counted("50x470 _x19 50x25", "10x470 _x19 10x25", 0),
    # As that, and before was more than an hour ago.
    "long-gap": Counted("500x100 _x389 500x25", "10x100 _x389 10x25", 0),
    # The same process told 10,000 before Prometheus came to scrape it.
    "found": Counted("_x490 10000x20", "_x490 10x20", 0),
    # The same, and it began anew since: then what it was found with is as old as before, 4 are new.
    "found-again": Counted("_x485 10000x5 4x20", f"_x485 10x5 {BEGINS + 150}x20", 4),
    # Began anew with 4 when its process did: those happened.
    "again": Counted("30x490 4x20", f"10x490 {BEGINS + 150}x20", 4),
    # In a process that began anew, long ago by now, it is the first: the process before had 30.
    "first-again": Counted("30x20 _x469 4x20", "10x20 3000x490", 4),
}
"""By instance. Scrapes 0 to 480 were before the time shown, and 481 to 500 in it."""


def test_a_table_counts_what_a_series_began_with_only_where_nothing_was_there_before(tmp_path: Path) -> None:
    asked = fill(grown("runs_total", by="instance"))
    story = {
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": f'{metric}{{job="orchestration",instance="{name}"}}', "values": values}
                    for name, one in COUNTED.items()
                    for metric, values in (
                        ("runs_total", one.values),
                        ("process_start_time_seconds", one.began),
                    )
                ],
                "promql_expr_test": [
                    {
                        "expr": f"round({asked})",
                        "eval_time": f"{BEGINS + 307}s",
                        "exp_samples": [
                            {"labels": f'{{instance="{name}"}}', "value": one.grew}
                            for name, one in COUNTED.items()
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
