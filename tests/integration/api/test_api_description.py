"""Whatever the description allows, and what it does not, is asked: every answer is one that it names."""

from __future__ import annotations

import copy
import hashlib
import itertools
import zlib
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from airlock_contracts.messages import HeartbeatRequest
from airlock_orchestration.api import Limits, build_api
from airlock_orchestration.api.description import describe
from airlock_orchestration.operations.keys import create_key
from airlock_orchestration.store.hosts import note_heartbeat
from api_served import Served
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core import NOT_SET

CONFIG = schemathesis.Config.from_dict(
    {
        "seed": 20261121,
        "request-timeout": 20,
        "generation": {
            "deterministic": True,
            "database": "none",
            "max-examples": 16,
            "no-shrink": True,
            "with-security-parameters": False,  # they would take the place of the key that we send
        },
        # A document that fits its schema may name an agent that there is not: 422 is an answer to it, too.
        "checks": {
            "positive_data_acceptance": {"enabled": False},
            # Nothing below 400, and nothing that is our mistake; too large (413) is refused like the rest.
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        },
    }
)
PARTS: Any = SimpleNamespace(limits=Limits())
DESCRIBED = describe(build_api(PARTS))
# A copy: links that are only guessed are added to it.
schema = schemathesis.openapi.from_dict(copy.deepcopy(DESCRIBED), config=CONFIG)
HOST = HeartbeatRequest(
    host="host-1", boot="b", pool="default", version="0.1.0", slots=2, busy=0, memory_mb=1024
)
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
SAYS = {"agent": "echo", "action": "say", "inputs": {"text": "{{ context.text }}"}}
AGENT = {
    "name": "echo",
    "version": "1.0.0",
    "type": "SCRIPT",
    "image": "example.com/echo:1",
    "actions": {"say": {"input_schema": TEXT, "output_schema": TEXT}},
}
CHAIN = {"input_schema": TEXT, "nodes": [{"id": "a", **SAYS}]}
GATED = {"input_schema": TEXT, "nodes": [{"id": "a", **SAYS, "approval": {}}]}
FAILING = {"input_schema": TEXT, "nodes": [{"id": "fails", **SAYS}]}


class Seeds:
    """What there is in the service, by the names of path parameters; taken in turn."""

    def __init__(self, **there_is: list[str]) -> None:
        self._turns = {name: itertools.cycle(values) for name, values in there_is.items()}
        self._every_other = itertools.cycle([True, False])

    def plant(self, case: Any) -> None:
        """Let every other request that is in order be about something that there is."""
        if case.path_parameters and case.meta.generation.mode.is_positive and next(self._every_other):
            for name in case.path_parameters:
                # The events of a run that waits go on; those of one that ended end.
                which = "ended" if id_of(case) == "follow_run" else name
                case.path_parameters[name] = next(self._turns[which])


@pytest.fixture(scope="module")
def seeds(served_api: Served) -> Any:
    """A run that ended, one that waits, one that was cancelled, and all that they are made of."""
    return served_api.ask(planted(served_api.rig))


async def planted(rig: Any) -> Seeds:
    """Plant the seeds."""
    waiting, approval = await rig.waiting()
    ended = await rig.start()
    async for _ in events_of(rig, ended):
        pass
    cancelled, _ = await rig.waiting("another")
    await rig.client.post(f"/api/runs/{cancelled}/cancel", json={"reason": "seed"})
    agent = (await rig.client.get("/api/agents/echo")).json()
    async with rig.sessions.writing() as session:
        await note_heartbeat(session, HOST)
    digest = hashlib.sha256(b"seed").hexdigest()
    await rig.client.put(f"/api/artifacts/{digest}", content=b"seed")
    return Seeds(
        run=[waiting, ended, cancelled],
        ended=[ended, cancelled],
        workflow=["chain", "gated"],
        approval=[approval["id"]],
        agent=["echo", agent["id"], "echo@1.0.0"],
        id=[agent["id"]],
        node=["a", "b", "ask"],
        sha256=[digest],
    )


async def events_of(rig: Any, run: str) -> Any:
    """The lines of a run's events, until it has ended."""
    async with rig.client.stream("GET", f"/api/runs/{run}/events") as answer:
        async for line in answer.aiter_lines():
            yield line


def id_of(case: Any) -> str:
    """The operation's id."""
    return str(case.operation.definition.raw["operationId"])


@schema.parametrize()
def test_an_operation_answers_as_it_is_described(case: Any, served_api: Served, seeds: Seeds) -> None:
    seeds.plant(case)
    headers = {"Authorization": f"Bearer {served_api.rig.admin_key}"}
    case.call_and_validate(base_url=served_api.url, headers=headers)


BODIES: dict[str, list[Any]] = {
    "apply_workflow": [CHAIN, FAILING, GATED],
    "trigger_workflow": [{"context": {"text": "walked"}}],
    "cancel_run": [{"reason": "walked far enough"}],
}
WALKED = {
    ("apply_workflow", 201),
    ("trigger_workflow", 202),
    ("get_run", 200),
    ("decide_approval", 200),
    ("cancel_run", 202),
    ("retry_run", 202),
}
"""How far the walks must have got at least, whatever was drawn."""


LIVES = schema.include(tag=["workflows", "runs", "approvals"])
"""The part of the API in which runs are begun and ended: walks in it alone get further."""
STEPS = 240
"""Of all walks through a part together, at most: short walks go many ways, long ones far."""
MORE_WALKS = 3
"""How often others go on where the first walks got not far enough."""


def walk_of(part: Any, served_api: Served, seen: set[tuple[str, int]]) -> Any:
    """A machine that walks through a part of the API, each time in a new project, and notes the answers."""
    rig, ask = served_api.rig, served_api.ask

    class Walk(part.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            # Every walk begins alike, whatever was there before: all that it finds is its own project's.
            self.key = ask(new_project(rig))

        def before_call(self, case: Any) -> None:
            ask(rig.rested())
            operation = id_of(case)
            # Which of them is drawn, as all else: the same draws make the same walk.
            drawn = zlib.crc32(repr(case.body).encode())
            if (found := BODIES.get(operation)) is not None:
                case.body, case.media_type = found[drawn % len(found)], "application/json"
            if operation == "apply_workflow":
                case.body = {**case.body, "name": "walked"}
            if operation == "decide_approval" and drawn % 2:  # an id that is drawn is nobody's
                waits = ask(question(rig, self.key))
                case.path_parameters["approval"], case.media_type = waits["id"], "application/json"
                case.body = {"decision": "APPROVED", "payload_sha256": waits["payload_sha256"]}
            if operation == "follow_run":  # of a run that waits the events go on
                ask(cancel(rig, self.key, case.path_parameters["run"]))

        def after_call(self, response: Any, case: Any) -> None:
            seen.add((id_of(case), response.status_code))

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": served_api.url, "headers": {"Authorization": f"Bearer {self.key}"}}

    return Walk


@pytest.mark.timeout(900)  # it takes a twentieth of that on two quiet cores
def test_answers_are_as_described_whatever_way_one_goes(served_api: Served) -> None:
    seen: set[tuple[str, int]] = set()
    # The same draws each time, but what is answered has ids of its own, and a link that carries one may lead
    # elsewhere: where the fixed walks got not far enough, others go on.
    whole, lives = walk_of(schema, served_api, seen), walk_of(LIVES, served_api, seen)
    for machine, steps, fixed in [(whole, 16, True), (lives, 48, True), *[(lives, 48, False)] * MORE_WALKS]:
        if not fixed and seen >= WALKED:
            break
        machine.run(
            settings=settings(
                max_examples=STEPS // steps,
                stateful_step_count=steps,
                derandomize=fixed,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
        )
    assert seen >= WALKED, WALKED - seen


async def new_project(rig: Any) -> str:
    """Begin a project that has an agent and nothing else; answers the text of its key."""
    key = (await create_key(rig.sessions, "walker", project=f"walk-{uuid4().hex[:12]}")).text
    async with rig.client_of(key) as client:
        assert (await client.post("/api/agents", json=AGENT)).status_code == 201
    return key


async def cancel(rig: Any, key: str, run: str) -> None:
    """Cancel a run, if there is such a one and it goes on."""
    async with rig.client_of(key) as client:
        await client.post(f"/api/runs/{run}/cancel")


async def question(rig: Any, key: str) -> dict[str, Any]:
    """What waits for a decision; a run is begun that asks where nothing does."""
    async with rig.client_of(key) as client:
        if not (found := (await client.get("/api/approvals?status=PENDING")).json()["items"]):
            await client.post("/api/workflows", json={**GATED, "name": "asks"})
            begun = await client.post("/api/workflows/asks/trigger", json={"context": {"text": "x"}})
            found = (await client.get(f"/api/approvals?run={begun.json()['id']}")).json()["items"]
        return dict(found[0])


async def sources(rig: Any) -> dict[str, Any]:
    """An answer of each call that has links, by the call's id."""

    async def body(method: str, path: str, **more: Any) -> Any:
        answer = await rig.client.request(method, path, **more)
        assert answer.is_success, answer.text
        await rig.rested()
        return answer.json()

    async def started(spec: dict[str, Any]) -> Any:
        await body("POST", "/api/workflows", json={**spec, "name": "linked"})
        return await body("POST", "/api/workflows/linked/trigger", json={"context": {"text": "x"}})

    ended, failed = await started(CHAIN), await started(FAILING)
    waiting = await started(GATED)
    return {
        "register_agent": await body("GET", "/api/agents/echo"),
        "apply_workflow": await body("GET", "/api/workflows/linked"),
        "trigger_workflow": ended,
        "retry_run": await body("POST", f"/api/runs/{failed['id']}/retry"),
        "get_run": await body("GET", f"/api/runs/{ended['id']}"),
        "explain_run": await body("GET", f"/api/runs/{failed['id']}/explain"),
        "list_approvals": await body("GET", f"/api/approvals?run={waiting['id']}"),
        "cancel_run": await body("POST", f"/api/runs/{(await started(GATED))['id']}/cancel"),
        "put_artifact": {"artifact": f"sha256:{hashlib.sha256(b'seed').hexdigest()}"},
    }


def test_every_link_leads_to_an_answer(served_api: Served, seeds: Seeds) -> None:
    found = served_api.ask(sources(served_api.rig))
    links = {
        (operation["operationId"], target): link
        for methods in DESCRIBED["paths"].values()
        for operation in methods.values()
        for answer in operation["responses"].values()
        for target, link in answer.get("links", {}).items()
    }
    assert len(links) >= 15
    assert {source for source, _ in links} == set(found)
    for (source, target), link in links.items():
        values = {name: resolved(at, found[source]) for name, at in link["parameters"].items()}
        given = {name: resolved(at, found[source]) for name, at in link.get("requestBody", {}).items()}
        if target == "trigger_workflow":
            given = {"context": {"text": "x"}}
        operation = schema.find_operation_by_id(target)
        in_path = {name for name in values if f"{{{name}}}" in operation.path}
        case = operation.Case(
            path_parameters={name: values[name] for name in in_path},
            query={name: value for name, value in values.items() if name not in in_path},
            body=given or NOT_SET,
            media_type="application/json" if given else None,
        )
        headers = {"Authorization": f"Bearer {served_api.rig.admin_key}"}
        answer = case.call_and_validate(base_url=served_api.url, headers=headers)
        if target == "cancel_run":
            assert answer.status_code in (202, 409), (source, target)  # some have ended
        else:
            assert answer.status_code < 300, (source, target, answer.text)


def resolved(expression: str, body: Any) -> Any:
    """What a link's expression says of an answer. Source: OpenAPI 3.1.1, 4.8.20.4 (runtime expressions)."""
    if not expression.startswith("$response.body#/"):
        return expression
    for part in expression.partition("#/")[2].split("/"):
        body = body[int(part)] if isinstance(body, list) else body[part]
    return body
