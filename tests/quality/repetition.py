"""Runs the whole suite again and again, and says which test did not end the same way each time.

    make repeat TIMES=20               the whole suite, twenty times
    python tests/quality/repetition.py --times 50 tests/unit/host

Every run is written down as it ends (`build/repetition/`, what pytest printed), so that an interrupted
series still says what it saw. The exit code is 1 if any test failed in any run.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parents[2]
RUNS = CHECKOUT / "build" / "repetition"


@dataclass(frozen=True)
class Run:
    """One run of the suite: how long, how many tests, which failed."""

    seconds: float
    tests: int
    failed: tuple[str, ...]
    status: int


def main() -> int:
    """Run the series; answers the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("pytest", nargs="*", default=["tests"], help="what pytest is given")
    given, options = parser.parse_known_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    runs: list[Run] = []
    try:
        for number in range(1, given.times + 1):
            runs.append(_run(number, [*given.pytest, *options]))
            print(_line(number, given.times, runs[-1]), flush=True)
    except KeyboardInterrupt:
        print("interrupted")
    return _judge(runs)


def _run(number: int, arguments: list[str]) -> Run:
    report = RUNS / f"{number}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", *arguments, "-q", f"--junit-xml={report}"]
    began = time.monotonic()
    with (RUNS / f"{number}.log").open("w") as log:
        status = subprocess.run(command, cwd=CHECKOUT, stdout=log, stderr=log, check=False).returncode
    seconds = time.monotonic() - began
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return Run(
        seconds, len(cases), tuple(f"{one.get('classname')}::{one.get('name')}" for one in failed), status
    )


def _line(number: int, times: int, run: Run) -> str:
    said = "all passed"
    if run.status != 0:
        failed = ", ".join(run.failed) or "no test"
        said = f"exit {run.status}; failed: {failed}; see build/repetition/{number}.log"
    return f"run {number:>3} of {times}: {run.tests} tests in {run.seconds:.0f} s, {said}"


def _judge(runs: list[Run]) -> int:
    if not runs:
        return 1
    failures = Counter(name for run in runs for name in run.failed)
    for name, count in failures.most_common():
        print(f"{count} of {len(runs)} times: {name}")
    seconds = [run.seconds for run in runs]
    clean = sum(run.status == 0 for run in runs)
    print(
        f"{clean} of {len(runs)} runs without a failure; seconds: least {min(seconds):.0f}, "
        f"median {statistics.median(seconds):.0f}, most {max(seconds):.0f}"
    )
    return 0 if clean == len(runs) else 1


if __name__ == "__main__":
    sys.exit(main())
