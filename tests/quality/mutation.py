"""Changes the engine and the approvals, one small change at a time, and sees whether a test notices.

    make mutation                       all of it: an hour or two on two cores
    make mutation ONLY='*engine.step*'  only mutants of these names

mutmut makes the mutants and runs the tests that reach each one. What survives must stand in `survivors.yaml`
with the reason why no test can or should notice; anything else is printed, and the exit code is 1. So is an
explanation that explains nothing any more.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
PACKAGES = (
    "libs/contracts/airlock_contracts",
    "libs/chassis/airlock_chassis",
    "libs/sdk/airlock_sdk",
    "libs/client/airlock_client",
    "services/agents/airlock_agents",
    "services/orchestration/airlock_orchestration",
)
# mutmut's spelling of how the tests ended on a mutant: pytest's exit code, or the signal.
_SURVIVED = 0
_NO_TESTS = 33
_ENDED = {
    1: "killed",
    3: "killed",
    _SURVIVED: "survived",
    _NO_TESTS: "no tests",
    -24: "too slow",
    36: "too slow",
}
_NOTICED = frozenset({"killed", "too slow", "crashed"})


@dataclass(frozen=True)
class Subject:
    """What is mutated, and the tests that must notice."""

    name: str
    package: str
    mutate: Sequence[str]
    tests: Sequence[str]


SUBJECTS = (
    Subject(
        "engine", "airlock_orchestration", ("airlock_orchestration/engine/*.py",), ("tests/unit/engine",)
    ),
    Subject(
        "approvals",
        "airlock_orchestration",
        ("airlock_orchestration/operations/approvals.py", "airlock_orchestration/store/approvals.py"),
        ("tests/integration/api/test_api_approvals.py",),
    ),
)


@dataclass(frozen=True)
class Explanation:
    """Why some survivors are right to survive: those in which all that is given matches."""

    why: str
    mutant: str = "*"
    """Of its name."""
    line: str = ".*"
    """Of the line that was changed, a regular expression."""
    count: Counter[str] = field(default_factory=Counter, compare=False)

    def covers(self, mutant: str, lines: Sequence[str]) -> bool:
        """Whether this explains a mutant, by its name and its changed lines."""
        named = fnmatch.fnmatchcase(mutant, self.mutant)
        return named and any(re.search(self.line, line) for line in lines)


def main() -> int:
    """Run it; answers the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="names of mutants, with *")
    parser.add_argument("--subject", action="append", choices=[one.name for one in SUBJECTS])
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="mutants at the same time")
    parser.add_argument("--keep", type=Path, help="folder of an earlier run: what it knows is not run again")
    given = parser.parse_args()
    root = given.keep or CHECKOUT / "build" / "mutation"
    unexplained: list[str] = []
    explanations = _explanations()
    for subject in SUBJECTS:
        if given.subject and subject.name not in given.subject:
            continue
        folder = root / subject.name
        _lay_out(folder, subject)
        _run(folder, given.only, given.children)
        unexplained += _judge(folder, subject, explanations)
    whole = not given.only and not given.subject
    idle = [one for one in explanations if whole and not one.count]
    for one in idle:
        print(f"survivors.yaml explains nothing with: {one.mutant} {one.line}")
    return 1 if unexplained or idle else 0


def _explanations() -> list[Explanation]:
    document = yaml.safe_load((HERE / "survivors.yaml").read_text())
    return [Explanation(**one) for one in document["survivors"]]


def _lay_out(folder: Path, subject: Subject) -> None:
    """Copy the checkout flat: mutmut knows a module by its path below the folder where it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in PACKAGES:
        _copy(CHECKOUT / path, folder / Path(path).name)
    for name in ("tests", "docs", "examples"):
        _copy(CHECKOUT / name, folder / name)
    beside = [Path(path).name for path in PACKAGES if Path(path).name != subject.package]
    settings = {
        "source_paths": [f"{subject.package}/"],
        "only_mutate": subject.mutate,
        "pytest_add_cli_args_test_selection": subject.tests,
        "also_copy": ["docs", "examples", "pytest.ini", *beside],
    }
    lists = "".join(
        f"{key}=\n" + "".join(f"    {one}\n" for one in values) for key, values in settings.items()
    )
    numbers = "timeout_multiplier=4.0\ntimeout_constant=10.0\n"
    (folder / "setup.cfg").write_text(f"[mutmut]\n{lists}{numbers}")
    paths = " ".join([*dict.fromkeys(subject.tests), "."])
    (folder / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {paths}\nasyncio_mode = auto\n"
        "addopts = --import-mode=importlib -p no:cacheprovider\nfilterwarnings = error\n"
    )


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))


def _run(folder: Path, only: Sequence[str], children: int) -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children), *only]
    # Hypothesis must draw the same examples for each mutant: else chance would kill it, or spare it.
    environ = {**os.environ, "HYPOTHESIS_PROFILE": "mutation", "PYTHONPATH": ""}
    with (folder / "mutmut.log").open("w") as log:
        done = subprocess.run(command, cwd=folder, env=environ, stdout=log, stderr=log, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"airlock: mutmut ended with {done.returncode}: see {folder / 'mutmut.log'}")
    print(f"{folder.name}: {time.monotonic() - began:.0f} s")


def _results(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((folder / "mutants").rglob("*.meta")):
        known: dict[str, Any] = json.loads(path.read_text()).get("exit_code_by_key", {})
        for mutant, code in known.items():
            if code is not None:
                yield mutant, _ENDED.get(code, "crashed" if code < 0 else f"exit {code}")


def _judge(folder: Path, subject: Subject, explanations: Sequence[Explanation]) -> list[str]:
    """Print the counts and what survived unexplained; answers the latter."""
    counts: Counter[str] = Counter()
    unexplained = []
    for mutant, ended in _results(folder):
        if ended in _NOTICED:
            counts[ended] += 1
            continue
        lines = _changed_lines(folder, mutant)
        explanation = next((one for one in explanations if one.covers(mutant, lines)), None)
        if explanation is not None:
            explanation.count[subject.name] += 1
            counts["explained"] += 1
        else:
            counts[ended] += 1
            unexplained.append(mutant)
            print(f"{ended}: {mutant}\n" + "".join(f"    {line}\n" for line in lines))
    total = sum(counts.values())
    said = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    noticed = sum(counts[word] for word in _NOTICED)
    print(f"{subject.name}: {total} mutants: {said}; noticed {noticed / max(1, total):.1%}")
    return unexplained


def _changed_lines(folder: Path, mutant: str) -> list[str]:
    command = [sys.executable, "-m", "mutmut", "show", mutant]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if re.match(r"[+-](?![+-]{2} )", line)]


if __name__ == "__main__":
    sys.exit(main())
