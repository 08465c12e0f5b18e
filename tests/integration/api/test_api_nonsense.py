"""Whatever is sent to whatever route, the answer is never a bug of ours, and every refusal a problem."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from fastapi.routing import iter_route_contexts

REQUESTS = 800
WORDS = [
    *("", "x", "a" * 70, "é", "%00", "%ff", "../..", "'; drop table runs;--", "0", "-1", "9" * 40, "null"),
    *("true", "\u202e", "{}", "a@1.0.0", "@", "01a1fb7d-ec30-7f2b-916f-8bbcf3ce8ec4", "0" * 64),
]
STRANGE = ["stauts", "", "LIMIT"]
HEADERS = ["Idempotency-Key", "traceparent", "Airlock-Attempt", "Last-Event-ID", "Accept"]
ENDLESS = {"input_schema": {"$ref": "#"}, "output_schema": {"pattern": "(a+)+$"}}
HUGE = {"input_schema": {"enum": [1e308, 10**90]}, "output_schema": {}}
AGENT = {"name": "echo", "version": "1.0.0", "type": "SCRIPT", "image": "example.com/echo:1\n"}
DEEP = {"id": "a", "agent": "echo", "action": "say", "inputs": {"text": "{{ " + "(" * 2000 + " }}"}}
BODIES = [
    *(b"", b"{}", b"[]", b"null", b"1", b'"x"', b"\xff", b'{"context":null}', b'{"a":' * 70, b"a: b: c"),
    *(b'{"context":{"text":"\\ud83d"}}', b'{"decision":"APPROVED"}', b'{"name":"a","nodes":[]}'),
    *(json.dumps({**AGENT, "actions": {"say": action}}).encode() for action in (ENDLESS, HUGE)),
    json.dumps({"name": "a", "nodes": [DEEP]}).encode(),
    b'{"payload_sha256":"' + b"0" * 64 + b'","decision":"APPROVED","notes":"\\u0001"}',
]


async def test_nonsense_is_refused_and_never_a_bug(rig: Any) -> None:
    chance = random.Random(20261121)
    await rig.register()
    run = await rig.start()
    _, approval = await rig.waiting()
    words = WORDS + [run, approval["id"], "chain", "gated", "echo", "a"] * 3
    routes = sorted(
        (method, context.path, sorted(rig.app.state.queries[context.endpoint]))
        for context in iter_route_contexts(rig.app.routes)
        for method in context.methods or ()
        if context.path and not context.path.endswith("/events")  # of a run that waits they never end
    )
    for _ in range(REQUESTS):
        method, path, known = chance.choice(routes)
        names = [*known, chance.choice(STRANGE)] if chance.random() < 0.1 else known
        path = re.sub(r"\{[^}]*\}", lambda _: chance.choice(words), path)
        media_type = chance.choice(["application/json", "application/yaml", "text/html", "a b"])
        headers = {
            "Content-Type": media_type,
            chance.choice(HEADERS): chance.choice(["a b", "x" * 300, "1", f"00-{'0' * 32}-{'0' * 16}-00"]),
        }
        answer = await rig.client.request(
            method,
            path,
            params={name: chance.choice(words) for name in names if chance.random() < 0.5},
            headers=headers,
            content=chance.choice(BODIES),
        )
        said = f"{method} {answer.url} {headers}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500, said
        if answer.status_code >= 400 and method != "HEAD":
            assert answer.headers["content-type"] == "application/problem+json", said
