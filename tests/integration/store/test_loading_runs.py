"""Many runs are read at once; what templates read is parsed exactly; a poisoned run ends."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

from airlock_contracts.statuses import NodeStatus, RunStatus
from airlock_orchestration.engine.state import Retried, Values
from airlock_orchestration.operations.entries import Committed
from airlock_orchestration.operations.poisoned import forced_end
from airlock_orchestration.store.certificate import violations
from airlock_orchestration.store.contexts import Contexts
from airlock_orchestration.store.door.apply import apply
from airlock_orchestration.store.plans import PlanCache, PlanKey
from airlock_orchestration.store.runs import (
    fail_poisoned,
    find_by_trigger,
    load_context,
    load_inputs,
    load_outputs,
    load_states,
    load_values,
)
from airlock_orchestration.telemetry.endings import endings


async def test_many_runs_are_read_at_once_and_an_unknown_one_is_left_out(shop: Any, kit: Any) -> None:
    chain, gated = await shop.workflow(kit.CHAIN), await shop.workflow(kit.GATED, name="gated")
    changes = [shop.start(chain), shop.start(gated), shop.start(chain)]
    await shop.apply(*changes)
    ids = [change.run.id for change in changes]
    unknown = str(uuid4())
    states = await load_states(shop.connection, [*ids, unknown], PlanCache())
    assert {id_: list(state.nodes) for id_, state in states.items()} == {
        ids[0]: ["a", "b"],
        ids[1]: ["a", "ask"],
        ids[2]: ["a", "b"],
    }
    assert states[ids[0]].plan is states[ids[2]].plan
    assert {id_: state.version for id_, state in states.items()} == dict.fromkeys(ids, 1)
    assert await load_states(shop.connection, [], PlanCache()) == {}


async def test_a_run_that_tries_another_again_is_read_with_it_and_its_trace(shop: Any, kit: Any) -> None:
    seeded, trace = await shop.workflow(kit.CHAIN), f"00-{'1' * 32}-{'2' * 16}-01"
    first = await shop.go(shop.start(seeded, traceparent=trace))
    bare = await shop.go(shop.start(seeded))
    again = await shop.go(shop.start(seeded, retry_of=first.id, trigger_kind="retry"))
    third = await shop.go(shop.start(seeded, retry_of=bare.id, trigger_kind="retry"))
    assert (first.retries, bare.retries) == (None, None)
    assert again.retries == Retried(first.id, trace)
    assert third.retries == Retried(bare.id, None)


async def test_plans_are_read_once_and_the_oldest_makes_room(shop: Any, kit: Any) -> None:
    seeded = [await shop.workflow(kit.CHAIN, name=f"flow-{n}") for n in range(3)]
    keys = [PlanKey.of(one.workflow_version_id, one.agents) for one in seeded]
    cache = PlanCache(kept=2)
    first = await cache.plans(shop.connection, keys)
    assert list(first) == keys
    again = await cache.plans(shop.connection, keys[1:])
    assert again[keys[1]] is first[keys[1]]
    assert (await cache.plans(shop.connection, keys[:1]))[keys[0]] is not first[keys[0]]


async def test_plans_are_bounded_by_their_nodes_too_and_one_is_always_kept(shop: Any, kit: Any) -> None:
    seeded = [await shop.workflow(kit.CHAIN, name=f"flow-{n}") for n in range(2)]
    keys = [PlanKey.of(one.workflow_version_id, one.agents) for one in seeded]
    cache = PlanCache(kept_nodes=1)
    first = await cache.plans(shop.connection, keys)
    again = await cache.plans(shop.connection, keys)
    assert again[keys[1]] is first[keys[1]]
    assert again[keys[0]] is not first[keys[0]]


async def test_a_plan_that_makes_room_while_others_are_read_is_answered_all_the_same(
    shop: Any, kit: Any
) -> None:
    seeded = [await shop.workflow(kit.CHAIN, name=f"flow-{n}") for n in range(3)]
    keys = [PlanKey.of(one.workflow_version_id, one.agents) for one in seeded]
    cache = PlanCache(kept=1)
    await cache.plans(shop.connection, keys[:1])

    class Interrupted:
        """Lets another read plans before the first answer."""

        async def fetch(self, *query: Any) -> Any:
            await cache.plans(shop.connection, keys[2:])
            return await shop.connection.fetch(*query)

    assert list(await cache.plans(Interrupted(), keys[:2])) == keys[:2]


async def test_templates_get_just_the_values_they_name(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    output = b'{"text": "x", "n": 123456789012345678901234567890}'
    await shop.go(shop.change(run, replace(kit.succeeded(run.id), output=output)))
    other = await shop.go(shop.start(await shop.workflow(kit.CHAIN, name="other")))
    values = await load_values(
        shop.connection, {run.id: {"context", "nodes.a", "nodes.b"}, other.id: frozenset()}, Contexts()
    )
    assert values == {
        run.id: Values({"text": "hello"}, {"a": {"text": "x", "n": 123456789012345678901234567890}}),
        other.id: Values(None, {}),
    }
    assert await load_outputs(shop.connection, [(run.id, "a"), (run.id, "b")]) == {(run.id, "a"): output}
    assert await load_inputs(shop.connection, [(run.id, "b"), (other.id, "a"), (other.id, "b")]) == {
        (run.id, "b"): b'{"text":"again"}',
        (other.id, "a"): b'{"text":"hello"}',
    }
    assert await load_context(shop.connection, run.id) == b'{"text": "hello"}'
    assert await load_context(shop.connection, str(uuid4())) is None


async def test_a_run_is_found_by_its_trigger_key(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(kit.CHAIN)
    run = await shop.go(shop.start(seeded, trigger_key="k", trigger_fingerprint="f"))
    assert await find_by_trigger(shop.connection, "default", seeded.workflow_id, "k") == (run.id, "f")
    assert await find_by_trigger(shop.connection, "default", seeded.workflow_id, "other") is None
    assert await find_by_trigger(shop.connection, "theirs", seeded.workflow_id, "k") is None


async def test_a_poisoned_run_ends_whatever_its_state(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    run = await shop.go(shop.change(run, kit.claimed(run.id)))
    gated = await shop.go(shop.start(await shop.workflow(kit.GATED, name="gated")))
    gated = await shop.go(shop.change(gated, kit.succeeded(gated.id)))
    for one in (run, gated):
        assert await fail_poisoned(shop.connection, one.id, "a bug \x00")
        ended = await shop.load(one.id)
        assert ended.status is RunStatus.FAILED
        assert ended.failure.code == "internal"
        assert ended.version == one.version + 1
        assert ended.last_event == one.last_event + 1
        assert ended.finished_at is not None
        assert not await fail_poisoned(shop.connection, one.id)
    assert (await shop.load(run.id)).nodes["a"].status is NodeStatus.FAILED
    assert (await shop.load(run.id)).nodes["b"].status is NodeStatus.CANCELLED
    assert (await shop.rows("approvals"))[0]["status"] == "WITHDRAWN"
    assert {row["status"] for row in await shop.rows("attempts")} == {"CANCELLED", "SUCCESS"}
    last = await shop.connection.fetch("SELECT type FROM events ORDER BY at DESC LIMIT 2")
    assert [row["type"] for row in last] == ["run.finished", "run.finished"]
    assert await violations(shop.connection) == []
    assert not await fail_poisoned(shop.connection, str(uuid4()))


async def test_all_that_was_open_in_a_poisoned_run_ends_in_its_trace(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    run = await shop.go(shop.change(run, kit.claimed(run.id)))
    gated = await shop.go(shop.start(await shop.workflow(kit.GATED, name="gated")))
    gated = await shop.go(shop.change(gated, kit.succeeded(gated.id)))
    told = []
    for one in (run, gated):
        await fail_poisoned(shop.connection, one.id)
        ended = await shop.load(one.id)
        last = endings(Committed(forced_end(ended), None))
        told.append([(span.name, span.error) for span in last.spans()])
    assert told == [
        [
            ("attempt.wait", None),
            ("invoke_agent echo", "cancelled"),
            ("node a", "internal"),
            ("node b", "internal"),
            ("invoke_workflow flow", "internal"),
        ],
        [("approval.wait", "cancelled"), ("node ask", "internal"), ("invoke_workflow gated", "internal")],
    ]


async def test_a_poisoned_run_that_moves_meanwhile_ends_all_the_same(shop: Any, kit: Any) -> None:
    run = await shop.go(shop.start(await shop.workflow(kit.CHAIN)))
    async with shop.database.path() as door, shop.database.path() as ender:
        async with door.transaction():
            await apply(door, [shop.change(run, kit.succeeded(run.id))])
            ending = asyncio.create_task(fail_poisoned(ender, run.id))
            await kit.until_waiting(shop.connection)
        assert await ending
    ended = await shop.load(run.id)
    assert {node: state.status for node, state in ended.nodes.items()} == {"a": "SUCCESS", "b": "FAILED"}
    assert await violations(shop.connection) == []
