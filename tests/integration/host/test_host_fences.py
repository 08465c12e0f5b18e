"""A host's fences on a real bus: what it may start, what it must drop, and what it goes on to say."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from airlock_agents.host.attempt import Attempt, Ending
from airlock_agents.host.claims import ClaimRefused, Claims, PayloadMismatch, payload_of
from airlock_agents.host.holdings import CROWDED, Holdings, KeptReport
from airlock_agents.host.leases import Leases
from airlock_agents.host.registrations import MAX_REMEMBERED, RegistrationBroken, Registrations
from airlock_agents.host.reporter import Reporter
from airlock_agents.host.spool import Spool
from airlock_chassis.bus import Bus, BusError, NoAnswer
from airlock_client.embedded import EmbeddedNats
from airlock_contracts.messages import (
    AttemptId,
    ClaimReply,
    HeartbeatRequest,
    HeldAttempt,
    Holding,
    Invocation,
    Report,
    ReportStatus,
)
from airlock_contracts.payload import sha256_hex
from airlock_contracts.subjects import Subjects
from fake_orchestration import LEASE_SECONDS, FakeOrchestration, until

IMAGE = f"sha256:{'1' * 64}"
HOST = "host-1"
HARMFUL: dict[str, Any] = {"network": {"egress": ["example.com:443"]}}


@pytest.fixture
async def bus(nats_server: EmbeddedNats) -> AsyncIterator[Bus]:
    """The host's connection."""
    one = await Bus.connect(nats_server.url(), name="host")
    yield one
    await one.close()


@pytest.fixture
async def other_side(nats_server: EmbeddedNats, nats_prefix: str) -> AsyncIterator[FakeOrchestration]:
    """What the host talks to; no image is asked for here."""
    bus = await Bus.connect(nats_server.url(), name="test")
    try:
        async with FakeOrchestration(bus, nats_prefix, IMAGE) as fake:
            yield fake
    finally:
        await bus.close()


class Desk:
    """What a host holds, with its heartbeats, on a bus and a disk of its own."""

    def __init__(self, bus: Bus, other_side: FakeOrchestration, folder: Path) -> None:
        self.other_side = other_side
        self.subjects = other_side.subjects
        self.holdings = Holdings()
        self.claims = Claims(bus, self.subjects, host=HOST)
        self.spool = Spool(folder / "reports")
        self.spool.open()
        self._bus = bus
        self._reporter = Reporter(other_side.publisher, self.subjects, self.spool, self.holdings, host=HOST)
        self.leases = self.heartbeats()

    def heartbeats(self, period_seconds: float = 0.1, prefix: str | None = None) -> Leases:
        """Of another period, or to where nobody listens."""
        subjects = self.subjects if prefix is None else Subjects(prefix)
        parts = (self._bus, subjects, self.holdings, self._reporter, self._describe)
        return Leases(*parts, period_seconds=period_seconds)

    def _describe(self, held: list[HeldAttempt]) -> HeartbeatRequest:
        return HeartbeatRequest(
            host=HOST, boot="boot-1", pool="default", version="0", slots=1, busy=0, memory_mb=1, held=held
        )

    def begin(self, **fields: Any) -> Attempt:
        """An attempt under way, of an agent with these fields."""
        agent = self.other_side.register(["true"], **fields)
        invocation = Invocation(
            project="default",
            attempt=AttemptId(run=str(uuid.uuid4()), node="scan", number=1),
            agent=agent.reference,
            agent_version_id=agent.id,
            action="go",
            claim_first=False,
            preview_sha256=sha256_hex(b""),
            timeout_seconds=30,
        )
        attempt = Attempt(invocation, b"{}", [], registration=agent)
        self.other_side.payloads[attempt.id] = payload_of(attempt)
        self.holdings.begin(attempt)
        return attempt

    async def claimed(self, **fields: Any) -> Attempt:
        """One that was granted."""
        attempt = self.begin(**fields)
        await self.claims.claim(attempt, patience_seconds=5)
        return attempt

    async def reported(self) -> KeptReport:
        """One that has ended; its report is kept."""
        attempt = self.begin()
        id_ = attempt.invocation.attempt
        report = Report(attempt=id_, host=HOST, token=attempt.token, status=ReportStatus.SUCCESS)
        kept = KeptReport(id_, attempt.token, report.encode(b"{}"))
        await self.spool.keep(str(id_), kept.payload)
        self.holdings.keep(kept)
        return kept


@pytest.fixture
async def desk(bus: Bus, other_side: FakeOrchestration, tmp_path: Path) -> Desk:
    return await asyncio.to_thread(Desk, bus, other_side, tmp_path)


async def test_no_answer_is_no_refusal_and_is_asked_for_again_with_the_same_token(desk: Desk) -> None:
    answers: list[ClaimReply | None] = [None]
    attempt = desk.begin()
    desk.other_side.grant = lambda request: answers.pop() if answers else desk.other_side.granted(request)
    await desk.claims.claim(attempt, patience_seconds=10)
    assert attempt.claimed
    assert [claim.token for claim in desk.other_side.claims_of(attempt.id)] == [attempt.token] * 2


async def test_who_is_not_answered_in_its_patience_stays_without_a_lease(bus: Bus, desk: Desk) -> None:
    attempt = desk.begin()
    silence = Claims(bus, Subjects("nobody"), host=HOST)
    with pytest.raises(NoAnswer, match=r"for 0\.3 s"):
        await silence.claim(attempt, patience_seconds=0.3)
    assert not attempt.claimed


async def test_a_refused_claim_is_somebody_else_s(desk: Desk) -> None:
    attempt = desk.begin()
    desk.other_side.grant = desk.other_side.refused
    with pytest.raises(ClaimRefused):
        await desk.claims.claim(attempt, patience_seconds=5)
    assert not attempt.claimed


async def test_what_was_granted_but_does_not_lie_here_may_be_reported_and_not_run(desk: Desk) -> None:
    attempt = desk.begin()
    desk.other_side.payloads[attempt.id] = payload_of(desk.begin())
    with pytest.raises(PayloadMismatch, match=payload_of(attempt).sha256):
        await desk.claims.claim(attempt, patience_seconds=5)
    assert attempt.claimed


async def test_before_its_registration_is_known_nothing_can_be_granted_that_matches(desk: Desk) -> None:
    attempt = desk.begin()
    attempt.registration = None
    with pytest.raises(PayloadMismatch):
        await desk.claims.claim(attempt, patience_seconds=5)
    with pytest.raises(RuntimeError, match="not fetched"):
        _ = attempt.agent


async def test_a_heartbeat_s_answer_extends_drops_and_cancels(desk: Desk) -> None:
    held, lost, cancelled = [await desk.claimed() for _ in range(3)]
    unclaimed = desk.begin()
    desk.other_side.holdings |= {lost.id: Holding.LOST, cancelled.id: Holding.CANCELLED}
    before = held.lease_until
    assert await desk.leases.beat()
    assert before is not None
    assert held.lease_until is not None
    assert before < held.lease_until <= time.monotonic() + LEASE_SECONDS
    endings = [attempt.ending for attempt in (held, lost, cancelled, unclaimed)]
    assert endings == [None, Ending.LOST, Ending.CANCELLED, None]
    assert not unclaimed.claimed


async def test_a_settled_report_is_forgotten_and_one_that_is_waited_for_is_sent_again(desk: Desk) -> None:
    settled, waited = await desk.reported(), await desk.reported()
    desk.other_side.holdings |= {
        str(settled.attempt): Holding.SETTLED,
        str(waited.attempt): Holding.HELD,
    }
    assert await desk.leases.beat()
    assert list(desk.holdings.reports) == [str(waited.attempt)]
    report, body = await desk.other_side.report_of(str(waited.attempt))
    assert (report.token, body) == (waited.token, b"{}")
    assert [kept.token for kept, _ in await desk.spool.load()] == [waited.token]


async def test_an_answer_about_an_older_delivery_changes_nothing(desk: Desk) -> None:
    """Between question and answer the attempt ended here, and came again with another token."""
    attempt = await desk.claimed()
    desk.other_side.holdings[attempt.id] = Holding.LOST
    beating = asyncio.create_task(desk.leases.beat())
    await asyncio.sleep(0)
    newer = Attempt(attempt.invocation, b"{}", [], registration=attempt.registration)
    desk.holdings.end(attempt)
    desk.holdings.begin(newer)
    desk.holdings.end(attempt)
    assert await beating
    assert (attempt.ending, newer.ending) == (None, None)
    assert desk.holdings.running == {newer.id: newer}


async def test_without_an_answer_everything_goes_on_but_what_has_effects(desk: Desk) -> None:
    harmless, harmful = await desk.claimed(), await desk.claimed(**HARMFUL)
    alone = desk.heartbeats(prefix="nobody")
    assert not await alone.beat()
    assert (harmless.ending, harmful.ending) == (None, None)
    for attempt in (harmless, harmful):
        attempt.lease_until = time.monotonic() - 1
    stop = asyncio.Event()
    running = asyncio.create_task(alone.run(stop))
    await asyncio.wait_for(harmful.ended(), 10)
    stop.set()
    await running
    assert (harmless.ending, harmful.ending) == (None, Ending.LOST)
    assert alone.answered_at is None


async def test_many_reports_that_wait_are_asked_about_before_it_is_time(desk: Desk) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(desk.heartbeats(period_seconds=60).run(stop))
    await until(lambda: desk.other_side.beats)
    for _ in range(CROWDED):
        await desk.reported()
    await until(lambda: len(desk.other_side.beats) > 1, seconds=20)
    stop.set()
    await running
    assert len(desk.other_side.beats[1].held) == CROWDED


def test_a_host_is_crowded_until_few_reports_wait() -> None:
    holdings = Holdings()
    ids = [AttemptId(run=str(uuid.uuid4()), node="scan", number=1) for _ in range(CROWDED + 1)]
    for id_ in ids:
        holdings.keep(KeptReport(id_, "token-0123456789abcdef", b""))
    holdings.forget(str(ids[0]))
    assert holdings.crowded.is_set()
    holdings.forget(str(ids[1]))
    assert not holdings.crowded.is_set()


class Unreachable:
    """A delivery whose bus is away."""

    async def ack(self) -> None:
        raise BusError("the bus is away")


async def test_a_grant_holds_also_where_its_message_cannot_be_acked_now(desk: Desk) -> None:
    attempt = desk.begin()
    attempt.messages = [Unreachable()]  # type: ignore[list-item]
    await desk.claims.claim(attempt, patience_seconds=5)
    assert attempt.claimed


async def test_registrations_are_asked_for_once_and_the_oldest_are_forgotten(desk: Desk) -> None:
    asked: list[str] = []
    versions = [desk.other_side.register(["true"]) for _ in range(MAX_REMEMBERED + 1)]

    async def fetch(version_id: str) -> Any:
        asked.append(version_id)
        await asyncio.sleep(0)
        return desk.other_side.agents[version_id]

    known = Registrations(fetch)
    first = versions[0].id
    assert list(await asyncio.gather(known.get(first), known.get(first))) == [versions[0]] * 2
    assert await known.get(first) == versions[0]
    assert asked == [first]
    for version in versions[1:]:
        await known.get(version.id)
    await known.get(first)
    assert asked.count(first) == 2


async def test_another_version_than_was_asked_for_is_not_taken(desk: Desk) -> None:
    one, other = desk.other_side.register(["true"]), desk.other_side.register(["false"])

    async def fetch(version_id: str) -> Any:
        return other

    with pytest.raises(RegistrationBroken, match=f"asked for agent version {one.id}"):
        await Registrations(fetch).get(one.id)
