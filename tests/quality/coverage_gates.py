"""Runs tests with line and branch coverage of every process they start; prints it by room; holds the gates.

    python tests/quality/coverage_gates.py -n 2          all but the stack's, with the gates: make coverage
    python tests/quality/coverage_gates.py tests/unit    some tests, printed, without the gates

Gates: 85 % of lines and branches of the whole house; every branch of the engine, the door, the fences and
the approvals.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = CHECKOUT / "build" / "coverage"
WHOLE = 85.0
"""Per cent of lines and branches together, over all rooms."""
ORCHESTRATION = "services/orchestration/airlock_orchestration/"
AGENTS = "services/agents/airlock_agents/"
EVERY_BRANCH = {
    "engine": (f"{ORCHESTRATION}engine/",),
    # How a change gets into Postgres: its batch, its clock, what is remembered, its statement.
    "door": (
        f"{ORCHESTRATION}operations/advance.py",
        f"{ORCHESTRATION}operations/batches.py",
        f"{ORCHESTRATION}operations/clock.py",
        f"{ORCHESTRATION}operations/entries.py",
        f"{ORCHESTRATION}operations/halving.py",
        f"{ORCHESTRATION}operations/poisoned.py",
        f"{ORCHESTRATION}operations/remembered.py",
        f"{ORCHESTRATION}store/contexts.py",
        f"{ORCHESTRATION}store/door/",
        f"{ORCHESTRATION}store/path.py",
        f"{ORCHESTRATION}store/runs.py",
    ),
    # Who may do what with an attempt, and until when: claims, leases, reports, due times, on both sides.
    "fences": (
        f"{ORCHESTRATION}operations/claims.py",
        f"{ORCHESTRATION}operations/heartbeats.py",
        f"{ORCHESTRATION}operations/outputs.py",
        f"{ORCHESTRATION}operations/reports.py",
        f"{ORCHESTRATION}operations/sweep.py",
        f"{ORCHESTRATION}store/attempts.py",
        f"{ORCHESTRATION}store/certificate.py",
        f"{ORCHESTRATION}store/due.py",
        f"{ORCHESTRATION}workers/control.py",
        f"{ORCHESTRATION}workers/reports.py",
        f"{ORCHESTRATION}workers/sweeper.py",
        f"{AGENTS}host/attempt.py",
        f"{AGENTS}host/claims.py",
        f"{AGENTS}host/holdings.py",
        f"{AGENTS}host/leases.py",
        f"{AGENTS}host/registrations.py",
        f"{AGENTS}sandbox/policy.py",
        f"{AGENTS}sandbox/seccomp.py",
    ),
    "approvals": (
        f"{ORCHESTRATION}api/approvals.py",
        f"{ORCHESTRATION}operations/approvals.py",
        f"{ORCHESTRATION}store/approvals.py",
        "libs/contracts/airlock_contracts/payload.py",
    ),
}

_WITHOUT_DATABASE = ("tests/unit", "tests/contract")


@dataclass(frozen=True)
class Share:
    """How much of some files was run."""

    lines: int
    lines_run: int
    branches: int
    branches_run: int
    missing: tuple[str, ...] = ()

    @property
    def percent(self) -> float:
        """Of lines and branches together."""
        all_of_it = self.lines + self.branches
        return 100.0 * (self.lines_run + self.branches_run) / all_of_it if all_of_it else 100.0


def main(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments; answers its exit code, or 1 where a gate does not hold."""
    some = any(not argument.startswith("-") and (CHECKOUT / argument).exists() for argument in arguments)
    parts = {(): "greenlet"} if some else {_WITHOUT_DATABASE: "thread", _with_database(): "greenlet"}
    DATA.mkdir(parents=True, exist_ok=True)
    for old in DATA.glob("data*"):
        old.unlink()
    status = 0
    for folders, switches in parts.items():
        with _every_process_measured(switches=switches):
            command = [sys.executable, "-m", "pytest", *folders, *arguments]
            status = subprocess.run(command, cwd=CHECKOUT, check=False).returncode or status
    _coverage("combine", "--quiet")
    _coverage("json", "--quiet", "-o", str(DATA / "coverage.json"))
    measured = json.loads((DATA / "coverage.json").read_text())["files"]
    # Tests lay out checkouts of their own: what runs from there is none of these files.
    files = {name: one for name, one in measured.items() if not name.startswith("/")}
    for line in _table(files):
        print(line)
    broken = [] if some else list(_broken_gates(files))
    for line in broken:
        print(f"airlock: {line}")
    return status or (1 if broken else 0)


def _with_database() -> tuple[str, ...]:
    folders = sorted(folder for folder in (CHECKOUT / "tests").iterdir() if any(folder.rglob("test_*.py")))
    spelled = [f"tests/{folder.name}" for folder in folders]
    return tuple(one for one in spelled if one not in (*_WITHOUT_DATABASE, "tests/stack"))


# To follow greenlets, coverage looks at each call and each return which one it is in: a process takes half as
# long again. SQLAlchemy alone makes some, so only the service needs it, and tests that call its parts.
_SWITCHES = "MEASURED_SWITCHES"  # coverage's `concurrency`, in pyproject.toml; no setting of Airlock's
_ITS_SWITCHES = (
    "(lambda words: 'greenlet' if 'airlock_orchestration' in words"
    " else 'thread' if {{'airlock_agents', 'airlock_client', 'airlock'}} & words else {others!r})"
    "({{word.removeprefix(os.path.dirname(sys.orig_argv[0]) + '/') for word in sys.orig_argv}})"
)
_FOLLOW = Path(__file__).with_name("follow_greenlets.py")


@contextmanager
def _every_process_measured(*, switches: str) -> Iterator[None]:
    """Each Python of this environment measures itself, also one that is started with a clean environment.

    `switches`: what pytest's own processes follow, "greenlet" or "thread".
    """
    settings = {"COVERAGE_PROCESS_START": CHECKOUT / "pyproject.toml", "COVERAGE_FILE": DATA / "data"}
    spelled = {name: str(value) for name, value in settings.items()}
    # The name sorts before coverage's own file, which looks at the variables and starts. A killed measurement
    # leaves the file behind: it does nothing without the process that wrote it.
    hook = Path(sysconfig.get_path("purelib")) / "a0_airlock_coverage.pth"
    measure = f"os.environ.update({spelled!r}, {_SWITCHES}={_ITS_SWITCHES.format(others=switches)})"
    follow = f"os.environ[{_SWITCHES!r}] == 'greenlet' and __import__('runpy').run_path({str(_FOLLOW)!r})"
    hook.write_text(f"import os, sys; os.path.exists('/proc/{os.getpid()}') and ({measure}, {follow})\n")
    os.environ |= spelled
    try:
        yield
    finally:
        hook.unlink(missing_ok=True)


def _coverage(*arguments: str) -> None:
    command = [sys.executable, "-m", "coverage", *arguments]
    subprocess.run(command, cwd=CHECKOUT, check=True, env={**os.environ, "COVERAGE_PROCESS_START": ""})


def _share(files: dict[str, Any], prefixes: Sequence[str]) -> Share:
    chosen = {name: one for name, one in files.items() if name.startswith(tuple(prefixes))}
    totals = [one["summary"] for one in chosen.values()]
    missing = [
        f"{name}: {', '.join(f'{start}->{end}' for start, end in one['missing_branches'])}"
        for name, one in chosen.items()
        if one["missing_branches"]
    ]
    lines = [f"{name}: line {line}" for name, one in chosen.items() for line in one["missing_lines"][:20]]
    return Share(
        sum(one["num_statements"] for one in totals),
        sum(one["covered_lines"] for one in totals),
        sum(one["num_branches"] for one in totals),
        sum(one["covered_branches"] for one in totals),
        tuple(missing or lines),
    )


def _table(files: dict[str, Any]) -> Iterator[str]:
    rooms = sorted({_room(name) for name in files})
    yield f"\n{'coverage':<58}{'lines':>8}{'run':>8}{'branches':>10}{'run':>8}{'both':>8}"
    for room in [*rooms, ""]:
        share = _share(files, [room])
        counts = f"{share.lines:>8}{share.lines_run:>8}{share.branches:>10}{share.branches_run:>8}"
        yield f"{room or 'all of it':<58}{counts}{share.percent:>7.1f}%"


def _room(name: str) -> str:
    """The package and its room: `services/x/package/room`; files beside the rooms count for the package."""
    parts = name.split("/")
    return "/".join(parts[: 4 if len(parts) > 4 else 3]) + "/"


def _broken_gates(files: dict[str, Any]) -> Iterator[str]:
    whole = _share(files, [""])
    if whole.percent < WHOLE:
        yield f"coverage is {whole.percent:.1f} %; at least {WHOLE:.0f} % is asked for"
    for name, prefixes in EVERY_BRANCH.items():
        share = _share(files, prefixes)
        for prefix in prefixes:
            if not _share(files, [prefix]).lines:
                yield f"the {name}: there is nothing at {prefix}"
        if share.branches_run < share.branches:
            open_ones = share.branches - share.branches_run
            first = "; ".join(share.missing[:10])
            yield f"every branch of the {name} is asked for; {open_ones} are left: {first}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
