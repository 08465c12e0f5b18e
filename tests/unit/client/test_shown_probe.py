"""What people and scripts learn from a probe: every try, what is open, how to mend it, an exit code."""

import re
from typing import Any

import pytest
from airlock_client.demo.probe import show_line
from airlock_client.errors import UnexpectedAnswer
from airlock_client.exits import Exit
from airlock_client.local.probe import WORKFLOWS, NoProbe, Probed, Tried, named, read
from airlock_client.show.probe import show_probe
from airlock_contracts.base import NAME_PATTERN
from shown_runs import screen

MEMORY = Tried("limits", "memory", "refused", "memory.exceeded: it was killed")


def output(*verdicts: str) -> dict[str, Any]:
    tries = [
        {"group": "network", "name": f"try {index}", "verdict": verdict, "saw": f"saw {index}"}
        for index, verdict in enumerate(verdicts)
    ]
    advice = {"why": "it could tell anybody", "mend": "NetworkMode none"}
    still_open = [row | advice for row in tries if row["verdict"] in ("open", "unclear")]
    return {
        "tried": len(tries),
        "held": len(tries) - len(still_open),
        "tries": tries,
        "open": still_open,
        "kernel": "Linux 6.1",
    }


def probed(*verdicts: str, memory: Tried = MEMORY) -> Probed:
    return read(output(*verdicts), memory, pool="default", host="h1", runs=("r1", "r2"))


def test_what_was_refused_what_is_not_there_and_what_is_a_fact_holds() -> None:
    seen = probed("refused", "absent", "held")
    assert seen.holds
    assert seen.line == "probe: 4/4"


@pytest.mark.parametrize("verdict", ["open", "unclear", "a word from another version"])
def test_anything_else_does_not_hold(verdict: str) -> None:
    seen = probed("refused", verdict)
    assert not seen.holds
    assert seen.line == "probe: 2/3"


def test_nothing_tried_holds_nothing() -> None:
    assert not Probed(pool="default", host="h", kernel="k", runs=()).holds


def test_a_box_that_lets_more_memory_be_taken_is_open() -> None:
    taken = Tried("limits", "memory", "open", "256 MiB were taken", "why", "mend")
    assert probed("refused", memory=taken).line == "probe: 1/2"


POOLS = ["default", "gpu", "memory", "exhaust", "in-gpu", "in-default", "p" * 63, "p" * 62 + "q", "p" * 40]


def test_what_a_probe_makes_has_names_of_its_own_in_every_pool() -> None:
    names = [named(stem, pool) for pool in POOLS for stem in WORKFLOWS.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(NAME_PATTERN, name) and name.startswith("airlock-probe") for name in names)


def test_another_agents_answer_is_refused() -> None:
    with pytest.raises(UnexpectedAnswer, match="probe"):
        read({"tries": [{}], "open": []}, MEMORY, pool="default", host="h", runs=())


def test_each_group_tells_its_share_and_what_is_open_why_and_how_to_mend_it() -> None:
    console, written = screen(100)
    show_probe(console, probed("refused", "open"))
    text = written.getvalue()
    assert "network: 1/2" in text
    assert "limits: 1/1" in text
    assert "network is open" in text
    assert "  try 1: saw 1" in text
    assert "why it matters: it could tell anybody" in text
    assert "how to mend it: NetworkMode none" in text
    assert "on host h1 of pool default, Linux 6.1" in text


def test_what_an_agent_says_commands_no_terminal() -> None:
    hostile = Tried("limits", "[bold]x\x1b[2J", "open", "\x1b]0;owned\x07", "why\x1b[1m", "mend\r")
    console, written = screen(100)
    show_probe(console, probed("refused", memory=hostile))
    text = written.getvalue()
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    assert "[bold]x" in text


@pytest.mark.parametrize(
    ("verdict", "run", "code"),
    [
        ("refused", Exit.OK, Exit.OK),
        ("refused", Exit.NOT_SUCCESS, Exit.NOT_SUCCESS),
        ("open", Exit.OK, Exit.NOT_SUCCESS),
        ("open", Exit.NOT_SUCCESS, Exit.NOT_SUCCESS),
    ],
)
def test_the_demo_fails_where_its_sandbox_is_open(verdict: str, run: Exit, code: Exit) -> None:
    console, written = screen(100)
    assert show_line(console, probed(verdict), run) is code
    text = written.getvalue()
    assert ("THE SANDBOX IS OPEN" in text) is (verdict == "open")
    assert text.splitlines()[-1] == probed(verdict).line


def test_the_demo_fails_where_nothing_could_be_probed() -> None:
    console, written = screen(100)
    assert show_line(console, NoProbe("no agent host is up", "airlock up"), Exit.OK) is Exit.ERROR
    text = written.getvalue()
    assert "THE SANDBOX COULD NOT BE PROBED: no agent host is up" in text
    assert text.splitlines()[-1] == "probe: 0/0"
