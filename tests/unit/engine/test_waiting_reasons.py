"""Why a node waits: for every status and reason the facts that lead to it, and all that is then said."""

from dataclasses import replace
from datetime import datetime
from inspect import cleandoc
from typing import Any

import pytest
from airlock_contracts.explanations import WaitReason
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.statuses import HostStatus, NodeStatus, OnExpiry
from airlock_orchestration.engine.waiting import REASONS, OpenNode, Surroundings, explain_node, listed
from explained_nodes import ASKING, HOST, NOW, PENDING, QUEUED, RESTING, RUN, RUNNING, WORK, after, host

WITHOUT_IMAGE = frozenset({"echo@1.0.0"})
LAPSED = replace(RUNNING, lease_until=after(-1))
LATE = replace(RUNNING, deadline=after(-1))

# A node, what is around it, and what is said of it. Times are seconds from now.
TABLE: list[tuple[OpenNode, dict[str, Any], str]] = [
    (
        PENDING,
        {},
        """
        parents.open: waits for a, b
        then starts once they have succeeded, and is skipped if one of them does not
        for a, b; since -900
        """,
    ),
    (
        QUEUED,
        {"hosts": []},
        """
        host.none: no agent host of pool default is up
        then a host that starts in this pool takes it
        for pool default; since -7
        $ airlock hosts
        """,
    ),
    (
        QUEUED,
        {"hosts": [host(status=HostStatus.GONE), host("host-2", pool="gpu")]},
        """
        host.none: no agent host of pool default is up: host-1 is GONE
        then a host that starts in this pool takes it
        for pool default; since -7
        $ airlock hosts
        """,
    ),
    (
        QUEUED,
        {"hosts": [host(missing=WITHOUT_IMAGE), host("host-2", missing=WITHOUT_IMAGE)]},
        """
        image.missing: every host of pool default lacks the image of echo@1.0.0: host-1, host-2
        then a host takes it once it has that very image: pulled by digest, or loaded if it was built
        for host-1, host-2; since -7
        $ airlock hosts
        """,
    ),
    (
        QUEUED,
        {"hosts": [host(busy=2), host("host-2", busy=3), host("host-3", missing=WITHOUT_IMAGE)]},
        """
        host.busy: all 4 slots of pool default are taken: host-1, host-2, host-3
        then the next slot that is free takes it
        for host-1, host-2, host-3; since -7
        $ airlock hosts
        """,
    ),
    (
        QUEUED,
        {"hosts": [host(busy=2), host("host-2", busy=1)]},
        """
        host.pending: attempt 1 was sent to pool default, and no host has claimed it yet
        then a host takes it, or it is sent again
        for pool default; since -7; at +3
        $ airlock hosts
        """,
    ),
    (
        replace(QUEUED, sends=2),
        {},
        """
        host.pending: attempt 1 was sent 2 times to pool default, and no host has claimed it yet
        then a host takes it, or it is sent again
        for pool default; since -7; at +3
        $ airlock hosts
        """,
    ),
    (
        replace(RUNNING, lease_until=after(1), deadline=after(1)),
        {},
        """
        attempt.running: attempt 2 runs on host-1, which holds it by a lease that it renews
        then the attempt ends by itself, or its time is over
        for host-1; since -60; at +1
        $ airlock runs watch {run}
        """,
    ),
    (
        LAPSED,
        {},
        """
        lease.lapsed: host-1 was not heard of in time: its lease on attempt 2 has lapsed
        then the attempt is called lost: another one follows (loss 1 of 5)
        for host-1; since -60; at +9
        $ airlock hosts
        """,
    ),
    (
        replace(RUNNING, lease_until=NOW, losses=3, host=None),
        {},
        """
        lease.lapsed: its host was not heard of in time: its lease on attempt 2 has lapsed
        then the attempt is called lost: another one follows (loss 4 of 5)
        for its host; since -60; at +10
        $ airlock hosts
        """,
    ),
    (
        replace(LAPSED, losses=4),
        {},
        """
        lease.lapsed: host-1 was not heard of in time: its lease on attempt 2 has lapsed
        then the attempt is called lost: the node fails with sandbox.lost, after 5 losses
        for host-1; since -60; at +9
        $ airlock hosts
        """,
    ),
    (
        LAPSED,
        {"work": replace(WORK, repeatable=False)},
        """
        lease.lapsed: host-1 was not heard of in time: its lease on attempt 2 has lapsed
        then the attempt is called lost: the node fails with sandbox.outcome_unknown, for a person to judge
        for host-1; since -60; at +9
        $ airlock hosts
        """,
    ),
    (
        LAPSED,
        {"cancelling": True},
        """
        lease.lapsed: host-1 was not heard of in time: its lease on attempt 2 has lapsed
        then the attempt is called lost: the node is CANCELLED
        for host-1; since -60; at +9
        $ airlock hosts
        """,
    ),
    (
        replace(LATE, failures=1),
        {},
        """
        deadline.passed: attempt 2 on host-1 takes longer than it may
        then it is ended; another attempt follows
        for host-1; since -60
        $ airlock runs watch {run}
        """,
    ),
    (
        replace(RUNNING, deadline=NOW, failures=2),
        {},
        """
        deadline.passed: attempt 2 on host-1 takes longer than it may
        then it is ended; the node fails with timeout.exceeded
        for host-1; since -60
        $ airlock runs watch {run}
        """,
    ),
    (
        LATE,
        {"work": replace(WORK, repeatable=False)},
        """
        deadline.passed: attempt 2 on host-1 takes longer than it may
        then it is ended; the node fails with timeout.exceeded
        for host-1; since -60
        $ airlock runs watch {run}
        """,
    ),
    (
        RUNNING,
        {"cancelling": True},
        """
        attempt.recalled: host-1 was told to end attempt 2
        then the node is CANCELLED once the attempt has ended; what succeeds meanwhile is kept
        for host-1; since -60; at +240
        $ airlock runs watch {run}
        """,
    ),
    (
        RESTING,
        {},
        """
        retry.later: attempt 1 failed with agent.busy: the scanner is busy
        then it is tried again (failure 1 of at most 3)
        since -2; at +8
        $ airlock runs show {run}
        """,
    ),
    (
        replace(RESTING, retry_at=NOW, failure=None),
        {},
        """
        retry.due: attempt 1 failed
        then it is tried again (failure 1 of at most 3)
        since -2; at +0
        $ airlock runs show {run}
        """,
    ),
    (
        ASKING,
        {},
        """
        approval.open: a person must decide about say of echo@1.0.0
        then if nobody decides in time, it counts as rejected: the node fails with approval.expired
        for the-approval; since -600; at +3600
        $ airlock approvals show the-approval
        """,
    ),
    (
        replace(ASKING, on_expiry=OnExpiry.SKIP),
        {},
        """
        approval.open: a person must decide about say of echo@1.0.0
        then if nobody decides in time, the node is skipped
        for the-approval; since -600; at +3600
        $ airlock approvals show the-approval
        """,
    ),
    (
        replace(ASKING, expires_at=NOW),
        {},
        """
        approval.expired: nobody decided about say of echo@1.0.0 in time
        then it counts as rejected: the node fails with approval.expired
        for the-approval; since -600; at +0
        """,
    ),
    *(
        (
            replace(node, unwoken="no time to retry"),
            {},
            f"""
            bug: nothing will wake it: no time to retry; this is a bug of Airlock
            then nothing happens by itself: cancel the run, retry it, and report the bug
            {since}
            $ airlock runs cancel {{run}}
            """,
        )
        for node, since in (
            (PENDING, ""),
            (QUEUED, "since -7"),
            (RUNNING, "since -60"),
            (replace(RUNNING, dispatched_at=after(-61)), "since -60"),
            (RESTING, ""),
            (ASKING, ""),
        )
    ),
]


def told(node: OpenNode, around: dict[str, Any]) -> str:
    """All that is said of a node, as the table has it."""
    surroundings = {"run": RUN, "started_at": after(-900), "cancelling": False, "hosts": HOST, "now": NOW}
    work = around.get("work", WORK)
    given = {**surroundings, **{name: value for name, value in around.items() if name != "work"}}
    said = explain_node(node, work, Surroundings(**given))
    assert (said.node, said.status) == ("n", node.status)
    facts = [
        f"for {', '.join(said.waits_for)}" if said.waits_for else "",
        f"since {_seconds(said.since)}" if said.since else "",
        f"at {_seconds(said.at)}" if said.at else "",
    ]
    command = f"$ {said.command}" if said.command else ""
    lines = [f"{said.reason}: {said.why}", f"then {said.then}", "; ".join(filter(None, facts)), command]
    return "\n".join(lines).rstrip()


def _seconds(at: datetime) -> str:
    return f"{(at - NOW).total_seconds():+g}"


@pytest.mark.parametrize(
    ("node", "around", "said"),
    TABLE,
    ids=[f"{row[0].status}-{row[2].split(':')[0].strip()}" for row in TABLE],
)
def test_the_facts_lead_to_what_is_said(node: OpenNode, around: dict[str, Any], said: str) -> None:
    assert told(node, around) == cleandoc(said).replace("{run}", RUN)


def test_every_status_and_reason_has_its_row_and_no_other_pair_does() -> None:
    pairs = {(node.status, WaitReason(cleandoc(said).partition(":")[0])) for node, _, said in TABLE}
    assert pairs == {(status, reason) for status, reasons in REASONS.items() for reason in reasons}
    assert set(REASONS) == {status for status in NodeStatus if not status.is_final}
    assert set(WaitReason) == set().union(*REASONS.values())


def test_a_node_that_is_over_waits_for_nothing() -> None:
    with pytest.raises(ValueError, match=r"^node n is SUCCESS: it waits for nothing$"):
        told(replace(PENDING, status=NodeStatus.SUCCESS), {})


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "a"), (5, "a, b, c, d, e"), (6, "a, b, c, d, e and 1 more"), (7, "a, b, c, d, e and 2 more")],
)
def test_a_sentence_lists_a_few_names(count: int, said: str) -> None:
    assert listed("abcdefg"[:count]) == said


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("it broke\n  twice", "it broke twice"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("x" * 202, "x" * 199 + "…"),
    ],
)
def test_a_failure_is_told_on_one_line_that_is_not_long(message: str, said: str) -> None:
    failure = Failure(kind=FailureKind.AGENT, code="agent.error", message=message)
    first = told(replace(RESTING, failure=failure), {}).splitlines()[0]
    assert first == f"retry.later: attempt 1 failed with agent.error: {said}"
