"""Whoever brings a tool down hides nothing from the others, and is not counted as looked at."""

from __future__ import annotations

import os
import signal

from airlock_agents.builtin.findings.files import Source
from airlock_agents.builtin.findings.finding import Finding, Inspected
from airlock_agents.builtin.findings.inspection import inspect_all

CRASHED = "crashed it, or made it run out of memory"


def finding(rule: str, file: str) -> Finding:
    return Finding(rule, "HIGH", "HIGH", file, 1, "m", "airlock")


def whole(source: Source) -> Inspected:
    if source.path.startswith("bomb"):
        os.kill(os.getpid(), signal.SIGKILL)
    return Inspected(source.path, (finding("whole", source.path),))


def told(said: str, share: float) -> None:
    assert said
    assert 0 < share <= 1


def secrets(source: Source) -> Inspected:
    return Inspected(source.path, (finding("secret", source.path),))


def flaws(source: Source) -> Inspected:
    if source.path == "bomb-for-both":
        os.kill(os.getpid(), signal.SIGKILL)
    return Inspected(source.path, (finding("flaw", source.path),))


def test_what_brings_one_tool_down_is_looked_at_by_each_of_the_others() -> None:
    sources = [Source(name) for name in ("a", "bomb", "bomb-for-both", "c")]
    sources.append(Source("picture", skipped="binary"))
    found: list[tuple[str, str]] = []

    def take(one: Inspected) -> Inspected:
        found.extend((each.file, each.rule) for each in one.findings)
        return Inspected(one.file, skipped=one.skipped, seen=one.seen)

    answers = inspect_all(whole, sources, told, plainly={"secrets": secrets, "flaws": flaws}, take=take)
    assert sorted(found) == [
        ("a", "whole"),
        ("bomb", "flaw"),
        ("bomb", "secret"),
        ("bomb-for-both", "secret"),
        ("c", "whole"),
    ]
    assert {one.file: one.skipped for one in answers} == {
        "a": None,
        "bomb": f"{CRASHED}; searched as plain text",
        "bomb-for-both": f"{CRASHED}; searched as plain text; not for flaws ({CRASHED})",
        "c": None,
        "picture": "binary",
    }
    assert {one.file for one in answers if one.seen} == {"a", "c"}


def test_without_another_way_to_look_the_reason_is_all_that_is_said() -> None:
    (answer,) = inspect_all(whole, [Source("bomb")], told)
    assert (answer.skipped, answer.seen) == (CRASHED, False)
