"""The gates of the coverage speak of files that are there."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_what_every_branch_is_asked_of_is_there() -> None:
    gates = runpy.run_path(str(ROOT / "tests" / "quality" / "coverage_gates.py"))["EVERY_BRANCH"]
    named = [name for names in gates.values() for name in names]
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert len(set(named)) == len(named)
