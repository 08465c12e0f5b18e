"""Changes the engine and the approvals, one small change at a time, and sees whether a test notices.

    make mutation                       all of it: some twenty minutes on two cores
    make mutation ONLY='*engine.step*'  only mutants of these names

mutmut makes the mutants and runs the tests that reach each one, the quickest first (`mutation_order.py`).
What survives must stand in `survivors.yaml` with the reason why no test can or should notice; all else is
printed, and the exit code is 1. So is an explanation that explains nothing any more, and a subject of which
nothing was mutated. mutmut leaves functions with decorators alone: the routes and the properties.
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
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from airlock_client.embedded import EmbeddedPostgres

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
_IN_ALL = "in all"
_NOTICED = frozenset({"killed", "too slow", "crashed"})


@dataclass(frozen=True)
class Subject:
    """What is mutated, and the tests that must notice."""

    name: str
    package: str
    mutate: Sequence[str]
    tests: Sequence[str]
    without: Sequence[str] = ()
    """Of these tests: those that count and measure, and take seconds to find what others find at once."""
    database: bool = False
    """They need Postgres: one that all mutants share."""


SUBJECTS = (
    Subject(
        "engine",
        "airlock_orchestration",
        ("airlock_orchestration/engine/*.py",),
        ("tests/unit/engine",),
        (
            "test_step_properties.py::test_100000_random_signals_take_seconds_and_use_every_row_of_the_tables",
            "test_step_properties.py::test_steps_alone_are_quick",
        ),
    ),
    Subject(
        "approvals",
        "airlock_orchestration",
        ("airlock_orchestration/operations/approvals.py", "airlock_orchestration/store/approvals.py"),
        ("tests/integration/api/test_api_approvals.py", "tests/integration/api/test_api_approval_answers.py"),
        database=True,
    ),
    Subject(
        "binding", "airlock_contracts", ("airlock_contracts/payload.py",), ("tests/contract/test_payload.py",)
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
    parser.add_argument("--again", action="store_true", help="with --keep: what survived runs again")
    given = parser.parse_args()
    root = given.keep or CHECKOUT / "build" / "mutation"
    unexplained: list[str] = []
    explanations = _explanations()
    for subject in SUBJECTS:
        if given.subject and subject.name not in given.subject:
            continue
        folder = root / subject.name
        if given.keep is None:  # a verdict of before may have been a test's that is gone
            shutil.rmtree(folder, ignore_errors=True)
        _lay_out(folder, subject)
        names = _survivors(folder, given.only) if given.again else given.only
        with ExitStack() as stack:
            address = stack.enter_context(_database()) if subject.database else {}
            _run(folder, names, given.children, address)
        if not given.only and not any(_results(folder)):
            sys.exit(f"airlock: nothing of {subject.name} was mutated: see {folder / 'mutmut.log'}")
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
        "also_copy": ["docs", "examples", "pytest.ini", "conftest.py", *beside],
    }
    lists = "".join(
        f"{key}=\n" + "".join(f"    {one}\n" for one in values) for key, values in settings.items()
    )
    # mutmut allows a mutant (estimate + constant) * multiplier seconds: an endless loop costs that much.
    numbers = "timeout_multiplier=4.0\ntimeout_constant=4.0\n"
    (folder / "setup.cfg").write_text(f"[mutmut]\n{lists}{numbers}")
    shutil.copy(HERE / "mutation_order.py", folder / "conftest.py")
    places = [path if (CHECKOUT / path).is_dir() else str(Path(path).parent) for path in subject.tests]
    paths = " ".join([*dict.fromkeys(places), "."])
    without = "".join(f" --deselect {subject.tests[0]}/{test}" for test in subject.without)
    (folder / "pytest.ini").write_text(
        f"[pytest]\npythonpath = {paths}\nasyncio_mode = auto\n"
        "asyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
        f"addopts = --import-mode=importlib -p no:cacheprovider{without}\n"
    )


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """A Postgres with a migrated database, as `tests/conftest.py` takes it."""
    folder = Path(tempfile.mkdtemp(prefix="airlock-mutation-"))
    folder.chmod(0o711)  # the server's account passes it
    settings = {"fsync": "off", "max_connections": "300"}
    try:
        with EmbeddedPostgres(folder / "postgres", settings=settings) as server:
            environ = {**os.environ, "AIRLOCK_DATABASE_URL": server.url()}
            subprocess.run(
                [sys.executable, "-m", "airlock_orchestration", "migrate"], env=environ, check=True
            )
            yield {"RUNNING_POSTGRES": server.url()}
    finally:
        shutil.rmtree(folder)


def _run(folder: Path, only: Sequence[str], children: int, more: Mapping[str, str]) -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children), *only]
    environ = {**os.environ, **more, "PYTHONPATH": ""}
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


def _survivors(folder: Path, only: Sequence[str]) -> list[str]:
    return [
        mutant
        for mutant, ended in _results(folder)
        if ended not in _NOTICED and any(fnmatch.fnmatchcase(mutant, name) for name in only or ["*"])
    ]


def _judge(folder: Path, subject: Subject, explanations: Sequence[Explanation]) -> list[str]:
    """Print the counts and what survived unexplained; answers the latter."""
    results = list(_results(folder))
    survivors = [(mutant, ended) for mutant, ended in results if ended not in _NOTICED]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each is a process of its own
        changed = list(pool.map(lambda one: _changed_lines(folder, one[0]), survivors))
    judged = [(mutant, "noticed") for mutant, ended in results if ended in _NOTICED]
    unexplained = []
    for (mutant, ended), lines in zip(survivors, changed, strict=True):
        explanation = next((one for one in explanations if one.covers(mutant, lines)), None)
        if explanation is not None:
            explanation.count[subject.name] += 1
            judged.append((mutant, "explained"))
        else:
            judged.append((mutant, "left"))
            unexplained.append(mutant)
            print(f"{ended}: {mutant}\n" + "".join(f"    {line}\n" for line in lines))
    _count(subject, judged)
    return unexplained


def _count(subject: Subject, judged: Sequence[tuple[str, str]]) -> None:
    modules: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for mutant, word in judged:
        modules[mutant.rpartition(".")[0].removeprefix(f"{subject.package}.")][word] += 1
        modules[_IN_ALL][word] += 1
    print(f"{subject.name:<24}{'mutants':>9}{'noticed':>9}{'explained':>11}{'left':>6}")
    for name, words in sorted(modules.items(), key=lambda one: (one[0] == _IN_ALL, one[0])):
        noticed, explained, left = (words[word] for word in ("noticed", "explained", "left"))
        print(f"{name:<24}{words.total():>9}{noticed:>9}{explained:>11}{left:>6}")


def _changed_lines(folder: Path, mutant: str) -> list[str]:
    command = [sys.executable, "-m", "mutmut", "show", mutant]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if re.match(r"[+-](?![+-]{2} )", line)]


if __name__ == "__main__":
    sys.exit(main())
