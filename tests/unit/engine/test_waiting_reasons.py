"""Why a node waits: for every status and reason the facts that lead to it, and what is said."""

from dataclasses import replace
from datetime import datetime

import pytest
from airlock_contracts.explanations import WaitReason
from airlock_contracts.statuses import HostStatus, NodeStatus, OnExpiry
from airlock_orchestration.engine.waiting import REASONS, HostFacts, OpenNode, Surroundings, explain_node
from explained_nodes import ASKING, HOST, NOW, PENDING, QUEUED, RESTING, RUN, RUNNING, WORK, after, host

Row = tuple[OpenNode, list[HostFacts], bool, WaitReason, str, str, datetime | None, str | None]
# node, hosts, cancelling: reason, in `why`, in `then`, at, command
TABLE: list[Row] = [
    (PENDING, HOST, False, WaitReason.PARENTS, "waits for a, b", "once they have succeeded", None, None),
    (QUEUED, [], False, WaitReason.NO_HOST, "no agent host of pool default is up", "starts", None, "hosts"),
    (
        QUEUED,
        [host(status=HostStatus.GONE), host("host-2", pool="gpu")],
        False,
        WaitReason.NO_HOST,
        "is up: host-1 is GONE",
        "a host that starts",
        None,
        "hosts",
    ),
    (
        QUEUED,
        [host(missing=frozenset({"echo@1.0.0"}))],
        False,
        WaitReason.NO_IMAGE,
        "lacks the image of echo@1.0.0: host-1",
        "build or pull it there",
        None,
        "hosts",
    ),
    (
        QUEUED,
        [host(busy=2), host("host-2", missing=frozenset({"echo@1.0.0"}))],
        False,
        WaitReason.HOSTS_BUSY,
        "all 2 slots of pool default are taken",
        "next slot",
        None,
        "hosts",
    ),
    (
        QUEUED,
        HOST,
        False,
        WaitReason.SENT,
        "was sent to pool default, and no host has claimed it yet",
        "sent again",
        after(3),
        "hosts",
    ),
    (
        RUNNING,
        HOST,
        False,
        WaitReason.RUNNING,
        "attempt 2 runs on host-1",
        "its time is over",
        after(240),
        "watch",
    ),
    (
        replace(RUNNING, lease_until=after(-1)),
        HOST,
        False,
        WaitReason.LEASE_LAPSED,
        "host-1 was not heard of",
        "another one follows (loss 1 of 5)",
        after(9),
        "hosts",
    ),
    (
        replace(RUNNING, lease_until=after(-1), losses=4),
        HOST,
        False,
        WaitReason.LEASE_LAPSED,
        "not heard of",
        "fails with sandbox.lost",
        after(9),
        "hosts",
    ),
    (
        replace(RUNNING, lease_until=after(-1)),
        HOST,
        True,
        WaitReason.LEASE_LAPSED,
        "not heard of",
        "the node is CANCELLED",
        after(9),
        "hosts",
    ),
    (
        replace(RUNNING, deadline=after(-1)),
        HOST,
        False,
        WaitReason.LATE,
        "takes longer than it may",
        "another attempt follows",
        None,
        "watch",
    ),
    (
        replace(RUNNING, deadline=after(-1), failures=2),
        HOST,
        False,
        WaitReason.LATE,
        "takes longer than it may",
        "fails with timeout.exceeded",
        None,
        "watch",
    ),
    (RUNNING, HOST, True, WaitReason.RECALLED, "told to end attempt 2", "CANCELLED", after(240), "watch"),
    (
        RESTING,
        HOST,
        False,
        WaitReason.BACKING_OFF,
        "attempt 1 failed with agent.busy: the scanner is busy",
        "failure 1 of at most 3",
        after(8),
        "show",
    ),
    (
        replace(RESTING, retry_at=NOW),
        HOST,
        False,
        WaitReason.RETRY_DUE,
        "attempt 1 failed",
        "again",
        NOW,
        "show",
    ),
    (
        ASKING,
        HOST,
        False,
        WaitReason.APPROVAL,
        "a person must decide about say of echo@1.0.0",
        "fails with approval.expired",
        after(3600),
        "airlock approvals show the-approval",
    ),
    (
        replace(ASKING, on_expiry=OnExpiry.SKIP),
        HOST,
        False,
        WaitReason.APPROVAL,
        "a person must decide",
        "the node is skipped",
        after(3600),
        "approvals show",
    ),
    (
        replace(ASKING, expires_at=NOW),
        HOST,
        False,
        WaitReason.APPROVAL_EXPIRED,
        "nobody decided",
        "it counts as rejected",
        NOW,
        None,
    ),
    *(
        (
            replace(node, unwoken="no time to retry"),
            HOST,
            False,
            WaitReason.BUG,
            "nothing will wake it: no time to retry; this is a bug of Airlock",
            "nothing happens by itself",
            None,
            f"airlock runs cancel {RUN}",
        )
        for node in (PENDING, QUEUED, RUNNING, RESTING, ASKING)
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=[f"{row[0].status}-{row[3]}" for row in TABLE])
def test_the_facts_lead_to_the_reason(row: Row) -> None:
    node, hosts, cancelling, reason, why, then, at, command = row
    said = explain_node(node, WORK, Surroundings(RUN, after(-900), cancelling, hosts, NOW))
    assert (said.node, said.status, said.reason) == ("n", node.status, reason)
    assert why in said.why
    assert then in said.then
    assert said.at == at
    assert (command or "") in (said.command or "")
    assert (said.command is None) == (command is None)
    assert not said.why.endswith(".")


def test_every_status_and_reason_has_its_row_and_no_other_pair_does() -> None:
    pairs = {(row[0].status, row[3]) for row in TABLE}
    assert pairs == {(status, reason) for status, reasons in REASONS.items() for reason in reasons}
    assert set(REASONS) == {status for status in NodeStatus if not status.is_final}
    assert set(WaitReason) == set().union(*REASONS.values())


def test_a_lost_agent_with_effects_is_left_to_a_person() -> None:
    lapsed = replace(RUNNING, lease_until=after(-1))
    work = replace(WORK, repeatable=False)
    said = explain_node(lapsed, work, Surroundings(RUN, after(-900), False, HOST, NOW))
    assert "sandbox.outcome_unknown, for a person to judge" in said.then
