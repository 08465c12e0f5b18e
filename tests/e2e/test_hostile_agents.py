"""Agents that answer badly: each node fails with the matching failure, and nothing else is touched by it."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from airlock_contracts.failures import FailureKind
from airlock_contracts.messages import MAX_EVIDENCE_BYTES
from airlock_contracts.statuses import AttemptStatus, NodeStatus, RunStatus
from airlock_contracts.views import NodeView
from e2e_install import Install, code_of, node_of

TIMEOUT_SECONDS = 3
GRACE_SECONDS = 10
SAYS_WRONG = {
    "rubbish": "output.invalid_json",
    "nothing": "output.invalid_json",
    "two-documents": "output.invalid_json",
    "nan": "output.invalid_json",
    "infinity": "output.invalid_json",
    "huge-number": "output.invalid_json",
    "twice-the-key": "output.invalid_json",
    "u0000": "output.invalid_json",
    "deep": "output.invalid_json",
    "surrogate": "output.invalid_json",
    "not-utf8": "output.invalid_json",
    "other-schema": "output.schema_mismatch",
    "foreign-artifact": "output.unknown_artifact",
    "50-megabytes": "output.too_large",
}
DOES_WRONG = {
    "exit-1": "exit.nonzero",
    "memory": "memory.exceeded",
    "memory-of-a-child": "memory.exceeded",
}
NEVER_ENDS = ("forks", "sleeps", "ignores-sigterm", "closes-stdout")


def _node(how: str, **more: object) -> dict[str, Any]:
    return {"id": how, "agent": "hostile", "action": "attack", "inputs": {"how": how}} | more


def _took(node: NodeView) -> timedelta:
    (attempt,) = node.attempts
    assert attempt.finished_at is not None
    return attempt.finished_at - (attempt.started_at or attempt.dispatched_at)


async def test_each_wrong_answer_fails_its_node_alone_and_is_kept_to_be_looked_at(install: Install) -> None:
    wrong = SAYS_WRONG | DOES_WRONG
    view = await install.run("wrong-answers", [*map(_node, wrong), _node("good")])
    assert view.status is RunStatus.FAILED
    assert {how: code_of(node_of(view, how)) for how in wrong} == wrong
    assert node_of(view, "good").status is NodeStatus.SUCCESS
    for how in wrong:
        (attempt,) = node_of(view, how).attempts  # no retry policy: one attempt
        assert attempt.status is AttemptStatus.FAILED
        assert attempt.failure is not None
        assert attempt.failure.code == wrong[how]
        assert len((attempt.raw_output or "").encode()) <= 3 * MAX_EVIDENCE_BYTES  # U+FFFD has three bytes

    def raw(how: str) -> str:
        return node_of(view, how).attempts[0].raw_output or ""

    assert raw("rubbish") == "hello, this is no JSON\n"
    assert raw("two-documents") == '{"n": 1}\n{"n": 2}'
    assert raw("twice-the-key") == '{"n": 1, "n": 2}'
    assert raw("not-utf8").startswith('{"n": 1, "text": "\ufffd')
    assert raw("50-megabytes") == "y" * MAX_EVIDENCE_BYTES
    assert raw("deep").startswith('{"n": 1, "deep": [[[[')
    assert raw("exit-1") == "half an answer\n"
    assert "the reason stands on stderr" in (node_of(view, "exit-1").attempts[0].stderr_tail or "")


async def test_an_output_that_breaks_its_schema_names_the_place(install: Install) -> None:
    view = await install.run("breaks-schema", [_node("other-schema")])
    failure = node_of(view, "other-schema").failure
    assert failure is not None
    assert failure.kind is FailureKind.CONTRACT
    assert failure.details["pointer"] == "/n"
    assert "/n" in failure.message


async def test_an_output_may_not_name_an_artifact_that_others_have_put(
    install: Install, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_bytes(b"abc")
    theirs = await install.client.put_artifact(tmp_path / "theirs", "text/plain")
    node = _node("foreign-artifact", inputs={"how": "foreign-artifact", "hex": theirs.sha256[-64:]})
    view = await install.run("names-theirs", [node])
    assert code_of(node_of(view, "foreign-artifact")) == "output.unknown_artifact"


async def test_what_never_ends_is_ended_at_its_timeout_and_the_host_goes_on(install: Install) -> None:
    began = time.monotonic()
    timeout = f"{TIMEOUT_SECONDS}s"
    view = await install.run("never-ends", [_node(how, timeout=timeout) for how in NEVER_ENDS])
    assert time.monotonic() - began < 90
    for how in NEVER_ENDS:
        node = node_of(view, how)
        assert code_of(node) == "timeout.exceeded"
        assert _took(node) < timedelta(seconds=TIMEOUT_SECONDS + GRACE_SECONDS), how
    assert node_of(view, "sleeps").attempts[0].raw_output == "going to sleep\n"
    await install.until_no_container()
    after = await install.run("after-them", [_node("good")])
    assert after.status is RunStatus.SUCCESS
    assert await install.client.node_output(after.id, "good") == b'{"n": 1}'


async def test_what_follows_a_failed_node_is_skipped_and_other_branches_go_on(install: Install) -> None:
    nodes = [
        _node("exit-1"),
        {"id": "after-it", "depends_on": ["exit-1"]},
        {"id": "after-that", "depends_on": ["after-it"]},
        {"id": "apart"},
        {"id": "after-apart", "depends_on": ["apart"]},
    ]
    view = await install.run("branches", nodes)
    assert view.status is RunStatus.FAILED
    assert {node.id: node.status.value for node in view.nodes} == {
        "exit-1": "FAILED",
        "after-it": "SKIPPED",
        "after-that": "SKIPPED",
        "apart": "SUCCESS",
        "after-apart": "SUCCESS",
    }


async def test_an_agent_that_fails_twice_succeeds_at_its_third_attempt(install: Install) -> None:
    retry = {"max_attempts": 3, "base_delay": "100ms", "jitter": "none"}
    flaky = {"agent": "speaking", "action": "flaky", "inputs": {"succeeds_at": 3}, "retry": retry}
    view = await install.run("flaky", [flaky | {"id": "patient"}])
    node = node_of(view, "patient")
    assert view.status is RunStatus.SUCCESS, view.failure
    assert [(a.number, a.status.value) for a in node.attempts] == [
        (1, "FAILED"),
        (2, "FAILED"),
        (3, "SUCCESS"),
    ]
    assert [a.failure.code for a in node.attempts[:2] if a.failure] == ["agent.busy", "agent.busy"]
    output = await install.client.node_output(view.id, "patient")
    assert output == b'{"attempt":3,"key":"' + view.id.encode() + b'/patient"}'


async def test_an_agent_that_fails_at_each_attempt_has_no_more_than_its_policy_allows(
    install: Install,
) -> None:
    retry = {"max_attempts": 2, "base_delay": "50ms", "jitter": "none"}
    view = await install.run("hopeless", [_node("exit-1", retry=retry)])
    assert [a.number for a in node_of(view, "exit-1").attempts] == [1, 2]
    assert view.status is RunStatus.FAILED
