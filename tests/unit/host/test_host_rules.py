"""What a host decides without asking anybody: claims first, leases, room, names."""

import re

import pytest
from airlock_agents.host.attempt import Attempt, Ending, new_token
from airlock_agents.host.capacity import Memory, NoRoom
from airlock_agents.host.holdings import CROWDED, MAX_HELD, Holdings, KeptReport
from airlock_agents.host.identity import made_up_name
from airlock_agents.host.leases import WHILE_REPORTING, WHILE_RUNNING, Todo
from airlock_agents.host.registrations import RegistrationBroken, checked
from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.messages import AttemptId, Holding, Token
from pydantic import TypeAdapter


def test_a_message_can_ask_for_a_claim_first_but_never_talk_one_away(make_attempt, make_agent) -> None:
    harmless = make_agent()
    gated = make_agent(risk_level="APPROVAL_REQUIRED")
    gated_action = make_agent(
        actions={"go": {"input_schema": {}, "output_schema": {}, "risk_level": "APPROVAL_REQUIRED"}}
    )
    external = make_agent(network={"egress": ["example.com:443"]})
    assert not make_attempt(harmless).claims_first
    assert make_attempt(harmless, claim_first=True).claims_first
    assert make_attempt(gated).claims_first
    assert make_attempt(gated_action).claims_first
    assert make_attempt(external).claims_first


def test_a_lease_counts_from_when_it_was_asked_for_and_never_shrinks(make_attempt) -> None:
    attempt = make_attempt()
    assert not attempt.claimed
    attempt.extend(100.0, 30.0)
    attempt.extend(95.0, 30.0)
    assert attempt.lease_until == 130.0


def test_only_what_has_effects_is_ended_when_its_lease_lapses(make_attempt, make_agent) -> None:
    holdings = Holdings()
    harmless = make_attempt(make_agent())
    external = make_attempt(make_agent(network={"egress": ["example.com:443"]}))
    unclaimed = make_attempt(make_agent(network={"egress": ["example.com:443"]}))
    for attempt in (harmless, external, unclaimed):
        holdings.begin(attempt)
    harmless.extend(0.0, 30.0)
    external.extend(0.0, 30.0)
    assert holdings.lapsed(29.9) == []
    assert holdings.lapsed(30.0) == [external]


def test_what_is_lost_stays_unsaid_also_when_it_was_cancelled_before(make_attempt) -> None:
    attempt: Attempt = make_attempt()
    attempt.end(Ending.CANCELLED)
    attempt.end(Ending.LOST)
    attempt.end(Ending.CANCELLED)
    assert attempt.ending is Ending.LOST


@pytest.mark.parametrize("table", [WHILE_RUNNING, WHILE_REPORTING])
def test_every_answer_of_a_heartbeat_has_its_row(table: dict[Holding, Todo]) -> None:
    assert set(table) == set(Holding)


def test_a_report_is_forgotten_only_when_it_is_settled_or_lost() -> None:
    forgotten = {answer for answer, todo in WHILE_REPORTING.items() if todo is Todo.FORGET}
    assert forgotten == {Holding.SETTLED, Holding.LOST}
    assert set(WHILE_REPORTING.values()) == {Todo.FORGET, Todo.PUBLISH}


def test_an_attempt_that_is_not_claimed_yet_goes_on() -> None:
    assert WHILE_RUNNING[Holding.UNCLAIMED] is Todo.NOTHING


def test_a_heartbeat_names_reports_first_and_no_more_than_it_may(make_attempt) -> None:
    holdings = Holdings()
    for number in range(1, MAX_HELD + 1):
        id_ = AttemptId(run="01890000-0000-7000-8000-000000000001", node="scan", number=number)
        holdings.keep(KeptReport(id_, new_token(), b""))
    holdings.begin(make_attempt())
    held = holdings.held()
    assert len(held) == MAX_HELD
    assert all(one.reporting for one in held)
    assert holdings.room() < 0
    assert holdings.crowded.is_set()


def test_it_is_no_longer_crowded_once_reports_are_settled() -> None:
    holdings = Holdings()
    ids = [
        AttemptId(run="01890000-0000-7000-8000-000000000001", node="scan", number=number)
        for number in range(1, CROWDED + 1)
    ]
    for id_ in ids:
        holdings.keep(KeptReport(id_, new_token(), b""))
    assert holdings.crowded.is_set()
    holdings.forget(str(ids[0]))
    assert not holdings.crowded.is_set()


def test_a_report_takes_the_place_of_its_attempt(make_attempt) -> None:
    holdings = Holdings()
    attempt = make_attempt()
    holdings.begin(attempt)
    holdings.keep(KeptReport(attempt.invocation.attempt, attempt.token, b""))
    assert [one.reporting for one in holdings.held()] == [True]
    holdings.end(attempt)
    assert len(holdings.held()) == 1


def test_memory_is_never_promised_twice() -> None:
    memory = Memory(1000)
    with memory.reserve(600):
        with pytest.raises(NoRoom), memory.reserve(600):
            pass
        with memory.reserve(400):
            assert memory.used_mb == 1000
    assert memory.used_mb == 0


def test_a_token_is_long_random_and_fits_its_contract() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    contract = TypeAdapter[str](Token)
    for one in tokens:
        contract.validate_python(one)
        assert len(one) >= 22  # 128 bits in base64


@pytest.mark.parametrize("hostname", ["Build.Host_7.example.com", "", "-", "ü", "x" * 300])
def test_any_machine_gets_a_name_that_may_stand_in_a_subject(hostname: str) -> None:
    assert re.fullmatch(NAME_PATTERN, made_up_name(hostname))
    assert made_up_name(hostname) != made_up_name(hostname)


def test_a_registration_must_be_the_one_that_was_asked_for_with_the_content_of_its_hash(make_agent) -> None:
    agent = make_agent()
    assert checked(agent.id, agent) is agent
    with pytest.raises(RegistrationBroken):
        checked("another", agent)
    with pytest.raises(RegistrationBroken):
        checked(agent.id, agent.model_copy(update={"image_digest": f"sha256:{'2' * 64}"}))
