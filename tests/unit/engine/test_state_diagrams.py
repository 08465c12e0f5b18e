"""The page of state machines says what the tables say."""

import random
import runpy
from pathlib import Path

from engine_runs import STARTED, Witness, random_run, random_signal

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_what_the_tables_give() -> None:
    written = runpy.run_path(str(DOCS / "state_machines.py"))["document"]()
    assert (DOCS / "state-machines.md").read_text(encoding="utf-8") == written, (
        "the tables changed: run python docs/state_machines.py"
    )


def test_the_arrows_of_attempts_are_those_that_occur() -> None:
    drawn = {
        (before, signal, after)
        for before, after, words in runpy.run_path(str(DOCS / "state_machines.py"))["ATTEMPT_ARROWS"]
        for signal in words.partition(", of a")[0].split(", ")
        if before != "[*]"
    }
    seen = set()
    for seed in range(150):
        rng = random.Random(seed)
        witness = Witness(random_run(rng))
        witness.send(STARTED)
        for _ in range(200):
            witness.send(random_signal(witness.run, rng))
        seen |= {
            (before.value, signal.__name__, after.value) for before, signal, after in witness.attempts_seen
        }
    assert seen == drawn
