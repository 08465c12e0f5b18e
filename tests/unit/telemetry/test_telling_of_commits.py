"""Who tells of commits can fail, and harms nobody but himself."""

from collections.abc import Sequence

import structlog
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.telemetry.commits import tell_all


def breaks(committed: Sequence[Committed]) -> None:
    raise KeyError("a label that nobody declared")


def test_one_who_breaks_is_named_and_the_others_tell_all_the_same() -> None:
    told: list[Sequence[Committed]] = []
    commits: Sequence[Committed] = ()
    with structlog.testing.capture_logs() as lines:
        tell_all((breaks, told.append), commits)
    assert told == [commits]
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("commit.not_told", "error")
    assert line["teller"] == "breaks"
