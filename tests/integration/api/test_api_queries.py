"""A query parameter that a call does not have is refused, whatever the call, and not passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts

LENIENT = re.compile(r"/health|/api/health|/metrics|/docs|/openapi\.json|/api/webhooks/")
MANY = 1000


def calls(rig: Any) -> Iterator[tuple[str, str]]:
    """Every method and path, about something that there is not."""
    for context in iter_route_contexts(rig.app.routes):
        for method in context.methods or ():
            yield method, re.sub(r"\{[^}]*\}", str(uuid4()), context.path or "")


async def test_an_unknown_parameter_is_refused_everywhere_but_where_machines_add_to_the_address(
    rig: Any,
) -> None:
    refused = 0
    for method, path in calls(rig):
        plain = await rig.client.request(method, path)
        answer = await rig.client.request(method, path, params={"stauts": "FAILED"})
        where = f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        if LENIENT.match(path):
            assert answer.status_code == plain.status_code, where
            assert "stauts" not in answer.text, where
        else:
            assert answer.status_code == 422, where
            refused += 1
            if method != "HEAD":
                problem = answer.json()
                assert problem["code"] == "request.invalid", where
                assert [one["place"] for one in problem["errors"]] == ["query.stauts"], where
    assert refused > 25


async def test_every_call_that_refuses_says_so_in_its_description(rig: Any) -> None:
    described = (await rig.client.get("/openapi.json")).json()["paths"]
    for path, methods in described.items():
        for method, operation in methods.items():
            assert "422" in operation["responses"] or LENIENT.match(path), f"{method} {path}"


async def test_what_was_meant_is_told_and_all_that_the_call_takes(rig: Any) -> None:
    answer = await rig.client.get("/api/runs?stauts=FAILED&limit=5&colour=red")
    problem = answer.json()
    assert problem["detail"] == "2 problems"
    assert {one["place"]: (one["code"], one["message"]) for one in problem["errors"]} == {
        "query.stauts": ("field.extra_forbidden", "unknown parameter; did you mean 'status'?"),
        "query.colour": ("field.extra_forbidden", "unknown parameter"),
    }
    assert problem["hint"] == "It takes cursor, limit, status, workflow."
    none = await rig.client.post(f"/api/runs/{uuid4()}/retry?key=x")
    assert none.json()["hint"] == "It takes no query."


@pytest.mark.parametrize(
    ("query", "place", "code"),
    [
        ("status=FAILED&status=RUNNING", "query.status", "field.repeated"),
        ("limit=5&limit=5", "query.limit", "field.repeated"),
        ("Status=FAILED", "query.Status", "field.extra_forbidden"),
        ("=x", "query.", "field.extra_forbidden"),
        ("st%00atus", "query.st\0atus", "field.extra_forbidden"),
        ("a" * 5000, "query." + "a" * 200, "field.extra_forbidden"),
    ],
)
async def test_what_nobody_reads_is_refused(rig: Any, query: str, place: str, code: str) -> None:
    answer = await rig.client.get(f"/api/runs?{query}")
    assert answer.status_code == 422
    assert [(one["place"], one["code"]) for one in answer.json()["errors"]] == [(place, code)]


async def test_of_many_a_hundred_are_listed(rig: Any) -> None:
    answer = await rig.client.get("/api/runs?" + "&".join(f"p{number}" for number in range(MANY)))
    problem = answer.json()
    assert (answer.status_code, len(problem["errors"])) == (422, 100)
    assert problem["detail"] == f"{MANY} problems, the first 100 are listed"


async def test_who_may_not_ask_is_not_told_what_could_be_asked(rig: Any) -> None:
    async with rig.client_of(None) as anyone:
        answer = await anyone.get("/api/runs?stauts=FAILED")
        assert (answer.status_code, answer.json()["code"]) == (401, "key.required")
