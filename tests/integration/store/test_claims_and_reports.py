"""The fence on a real Postgres: one token holds an attempt, and only what it reports, as promised, counts."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from airlock_contracts import failures
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import (
    AttemptId,
    ClaimAnswer,
    ClaimReply,
    ClaimRequest,
    HeartbeatRequest,
    HeldAttempt,
    Holding,
    Report,
    ReportStatus,
)
from airlock_contracts.statuses import NodeStatus
from airlock_orchestration.engine.signals import CancelRequested, RunStarted
from airlock_orchestration.engine.state import NodeState
from airlock_orchestration.operations.advance import Door
from airlock_orchestration.operations.claims import REFUSED, claim
from airlock_orchestration.operations.clock import PostgresClock
from airlock_orchestration.operations.entries import Advanced
from airlock_orchestration.operations.heartbeats import Heartbeats
from airlock_orchestration.operations.reports import INLINE_BYTES, Reports
from airlock_orchestration.store.path import Path
from airlock_orchestration.store.plans import PlanCache

HOST, TOKEN, OTHER = "host-1", "token-0123456789abcdef", "token-of-another-delivery"
DIGEST = "ab" * 32
FILE = {"artifact": f"sha256:{DIGEST}", "size": 3, "media_type": "text/plain"}
NODES = [
    {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "x"}, "retry": {"max_attempts": 2}},
    {"id": "b", "agent": "echo", "action": "say", "depends_on": ["a"], "inputs": {"text": "y"}},
]


class Counter:
    """Where claims, heartbeats and reports are taken."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.path = Path(shop.database, PlanCache())
        self.door = Door(self.path, PostgresClock(), lambda committed: None)
        self.reports = Reports(self.door, self.path)
        self.heartbeats = Heartbeats(self.path)
        self._serving = asyncio.create_task(self.door.serve())

    async def close(self) -> None:
        self.door.close()
        await self._serving

    async def start(self, nodes: Any = NODES) -> str:
        seeded = await self.shop.workflow(nodes)
        run = str(uuid4())
        creation = seeded.creation()
        await self.door.start(creation, RunStarted(run, "test", "0" * 64), seeded.plan)
        return run

    async def claim(self, run: str, node: str = "a", number: int = 1, token: str = TOKEN) -> ClaimReply:
        attempt = AttemptId(run=run, node=node, number=number)
        return await claim(self.door, ClaimRequest(attempt=attempt, host=HOST, token=token))

    async def report(
        self,
        run: str,
        output: Any = None,
        *,
        node: str = "a",
        status: ReportStatus = ReportStatus.SUCCESS,
        failure: Failure | None = None,
    ) -> Advanced:
        id_ = AttemptId(run=run, node=node, number=1)
        report = Report(attempt=id_, host=HOST, token=TOKEN, status=status, failure=failure)
        return await self.reports.settle(report, json.dumps(output).encode())

    async def beat(self, *held: HeldAttempt) -> dict[str, Holding]:
        beat = HeartbeatRequest(
            host=HOST, boot="1", pool="default", version="0", slots=1, busy=0, memory_mb=1, held=list(held)
        )
        return dict((await self.heartbeats.answer(beat)).holdings)

    async def keep_artifact(self, put_by: str = "", *, complete: bool = True) -> None:
        execute = self.shop.connection.execute
        await execute(
            "INSERT INTO artifacts VALUES ($1, 3, 'text/plain', clock_timestamp(), $2)", DIGEST, complete
        )
        if put_by:
            await execute("INSERT INTO artifact_puts VALUES ($1, $2, clock_timestamp())", DIGEST, put_by)


@pytest.fixture
async def counter(shop: Any) -> AsyncIterator[Counter]:
    one = Counter(shop)
    yield one
    await one.close()


def node_of(advanced: Advanced, node: str = "a") -> NodeState:
    assert advanced.run is not None
    return advanced.run.nodes[node]


def failure_of(advanced: Advanced) -> Failure:
    state = node_of(advanced)
    assert state.attempt is not None
    assert state.attempt.failure is not None
    return state.attempt.failure


async def test_a_claim_is_granted_to_one_token_and_to_that_one_again(counter: Counter) -> None:
    run = await counter.start()
    granted = await counter.claim(run)
    assert granted.answer is ClaimAnswer.GRANTED
    assert granted.lease_seconds == 30
    assert await counter.claim(run) == granted
    assert await counter.claim(run, token=OTHER) == REFUSED


async def test_what_is_not_there_not_yet_or_no_more_is_refused(counter: Counter) -> None:
    run = await counter.start()
    assert await counter.claim(str(uuid4())) == REFUSED
    assert await counter.claim(run, "nobody") == REFUSED
    assert await counter.claim(run, "b") == REFUSED
    assert await counter.claim(run, number=2) == REFUSED
    await counter.report(run, {"text": "done"})
    assert await counter.claim(run) == REFUSED


async def test_a_heartbeat_is_noted_and_says_what_became_of_what_is_held(counter: Counter) -> None:
    assert await counter.beat() == {}
    run = await counter.start()
    await counter.claim(run)
    held = HeldAttempt(attempt=AttemptId(run=run, node="a", number=1), token=TOKEN)
    assert await counter.beat(held) == {f"{run}/a/1": Holding.HELD}
    await counter.door.advance(CancelRequested(run, "ann"))
    assert await counter.beat(held) == {f"{run}/a/1": Holding.CANCELLED}
    seen = await counter.shop.connection.fetchval("SELECT count(*) FROM hosts WHERE name = $1", HOST)
    assert seen == 1


async def test_a_report_about_nothing_that_is_known_is_stale(counter: Counter) -> None:
    run = await counter.start()
    assert await counter.report(str(uuid4()), {}) == Advanced(None, stale=True)
    assert await counter.report(run, {}, node="nobody") == Advanced(None, stale=True)


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (ReportStatus.FAILED, FailureKind.INTERNAL, "the host reported FAILED without a reason"),
        (ReportStatus.CANCELLED, FailureKind.CANCELLED, "the host reported CANCELLED without a reason"),
    ],
)
async def test_an_end_without_a_reason_is_told_as_such(
    counter: Counter, status: ReportStatus, kind: FailureKind, says: str
) -> None:
    failure = failure_of(await counter.report(await counter.start(), status=status))
    assert (failure.kind, failure.message) == (kind, says)


async def test_a_failure_is_kept_as_the_host_told_it(counter: Counter) -> None:
    told = Failure(kind=FailureKind.AGENT, code="agent.error", message="no", retryable=True)
    run = await counter.start()
    failed = await counter.report(run, status=ReportStatus.FAILED, failure=told)
    assert failure_of(failed) == told
    assert node_of(failed).status is NodeStatus.BACKING_OFF


async def test_an_output_that_breaks_its_schema_fails_the_attempt_and_its_bytes_are_kept(
    counter: Counter,
) -> None:
    run = await counter.start()
    assert failure_of(await counter.report(run, {"text": 7})).code == failures.OUTPUT_SCHEMA_MISMATCH
    kept = await counter.shop.connection.fetchval("SELECT raw_output FROM attempts WHERE number = 1")
    assert kept == b'{"text": 7}'


async def test_a_large_output_is_taken_as_a_small_one(counter: Counter) -> None:
    run = await counter.start()
    ended = await counter.report(run, {"text": "x" * INLINE_BYTES})
    assert node_of(ended).status is NodeStatus.SUCCESS


async def test_an_output_may_name_what_its_attempt_put(counter: Counter) -> None:
    run = await counter.start()
    await counter.keep_artifact(f"{run}/a/1")
    assert node_of(await counter.report(run, {"file": FILE})).status is NodeStatus.SUCCESS


async def test_an_output_may_name_what_was_in_its_input(counter: Counter) -> None:
    await counter.keep_artifact()
    run = await counter.start([{**NODES[0], "inputs": {"file": FILE}}])
    assert node_of(await counter.report(run, {"file": FILE})).status is NodeStatus.SUCCESS


async def test_an_output_may_not_name_what_others_put(counter: Counter) -> None:
    run = await counter.start()
    await counter.keep_artifact(f"{run}/b/1")
    failure = failure_of(await counter.report(run, {"file": FILE}))
    assert failure.code == failures.OUTPUT_UNKNOWN_ARTIFACT
    assert failure.details == {"artifacts": [DIGEST]}


async def test_what_was_put_and_is_gone_by_the_commit_fails_the_attempt(counter: Counter) -> None:
    run = await counter.start()
    await counter.keep_artifact(f"{run}/a/1", complete=False)
    failure = failure_of(await counter.report(run, {"file": FILE}))
    assert (failure.code, failure.message) == (
        failures.OUTPUT_UNKNOWN_ARTIFACT,
        "an artifact that the output names is gone",
    )
