"""Gates end to end: nothing starts before the decision, a decision binds what was shown, and counts once."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import nats
import pytest
from airlock_client.errors import ProblemError
from airlock_contracts.statuses import ApprovalStatus, NodeStatus, RunStatus, Verdict
from airlock_contracts.subjects import Subjects
from airlock_contracts.views import ApprovalView
from e2e_install import Install, code_of, node_of

CAREFUL: dict[str, Any] = {"agent": "careful"}
TEXT = 'rm -rf "/" && echo Ω\n'


async def _refused(
    install: Install, approval: ApprovalView, verdict: str, sha256: str
) -> tuple[int, dict[str, Any]]:
    body = {"decision": verdict, "payload_sha256": sha256, "notes": "too late"}
    answer = await install.http.post(f"/api/approvals/{approval.id}/decision", json=body)
    return answer.status_code, answer.json()


async def _messages(install: Install, run: str) -> list[str]:
    """The subjects of what INVOCATIONS holds of a run."""
    names = Subjects()
    connection = await nats.connect(install.stack._nats.url("reader"), inbox_prefix="_INBOX.reader")
    try:
        info = await connection.jetstream().stream_info(
            names.invocations_stream, subjects_filter=names.run_invocations(run)
        )
        return sorted(info.state.subjects or {})
    finally:
        await connection.close()


async def test_a_gated_node_has_no_attempt_and_no_message_before_it_is_approved(install: Install) -> None:
    gated = {
        "id": "apply",
        "inputs": {"text": "{{ context.text }}"},
        "approval": {"preview": "do: {{ context.text }}"},
    }
    run = await install.start(
        "gated", [{"id": "plan"}, CAREFUL | gated | {"depends_on": ["plan"]}], {"text": TEXT}
    )
    asked = await install.until_asked(run, "apply")
    view = await install.client.run(run)
    assert view.status is RunStatus.WAITING_APPROVAL
    assert node_of(view, "apply").attempts == []
    assert await install.rows("SELECT 1 FROM attempts WHERE run_id = $1 AND node = 'apply'", UUID(run)) == []
    assert [name for name in await _messages(install, run) if ".apply." in name] == []

    question = await install.client.approval(asked.id)
    assert json.loads(question.input) == {"text": TEXT}
    assert question.preview == f"do: {TEXT}"
    shown = (await install.http.get(f"/api/runs/{run}/nodes/apply/input")).text
    assert question.input == shown

    decided = await install.client.decide(asked.id, Verdict.APPROVED, asked.payload_sha256, "looks right")
    assert (decided.status, decided.decided_by, decided.notes) == (
        ApprovalStatus.APPROVED,
        "test-gates",
        "looks right",
    )
    view = await install.until_final(run)
    assert view.status is RunStatus.SUCCESS, view.failure
    (attempt,) = node_of(view, "apply").attempts
    assert decided.decided_at is not None
    assert attempt.dispatched_at >= decided.decided_at
    assert json.loads(await install.client.node_output(run, "apply"))["text"] == TEXT


async def test_a_rejected_gate_fails_its_node_and_what_follows_never_runs(install: Install) -> None:
    run = await install.start(
        "rejected", [CAREFUL | {"id": "apply"}, {"id": "tell", "depends_on": ["apply"]}]
    )
    asked = await install.until_asked(run, "apply")
    await install.client.decide(asked.id, Verdict.REJECTED, asked.payload_sha256, "no")
    view = await install.until_final(run)
    assert view.status is RunStatus.FAILED
    assert code_of(node_of(view, "apply")) == "approval.rejected"
    assert node_of(view, "tell").status is NodeStatus.SKIPPED
    assert [node.attempts for node in view.nodes] == [[], []]


async def test_a_decision_with_another_hash_is_412_and_decides_nothing(install: Install) -> None:
    run = await install.start("stale-hash", [CAREFUL | {"id": "apply"}])
    asked = await install.until_asked(run, "apply")
    status, problem = await _refused(install, asked, "APPROVED", "0" * 64)
    assert (status, problem["code"]) == (412, "decision.stale")
    assert problem["details"]["payload_sha256"] == asked.payload_sha256
    assert (await install.client.approval(asked.id)).status is ApprovalStatus.PENDING

    await install.client.decide(asked.id, Verdict.REJECTED, asked.payload_sha256, "first")
    status, problem = await _refused(install, asked, "APPROVED", asked.payload_sha256)
    assert (status, problem["code"]) == (409, "decision.made")
    assert problem["details"]["status"] == "REJECTED"
    assert problem["details"]["decided_by"] == "test-gates"
    assert problem["details"]["notes"] == "first"
    assert (await install.until_final(run)).status is RunStatus.FAILED


async def test_an_unknown_approval_is_404(install: Install) -> None:
    with pytest.raises(ProblemError) as raised:
        await install.client.decide(str(uuid4()), Verdict.APPROVED, "0" * 64)
    assert (raised.value.problem.status, raised.value.problem.code) == (404, "approval.unknown")


async def test_of_many_who_decide_at_once_one_does_and_all_others_see_that_decision(install: Install) -> None:
    run = await install.start("raced", [CAREFUL | {"id": "apply"}])
    asked = await install.until_asked(run, "apply")
    verdicts = ["APPROVED", "REJECTED"] * 5
    answers = await asyncio.gather(
        *(_refused(install, asked, verdict, asked.payload_sha256) for verdict in verdicts)
    )
    won = [
        (verdict, body) for verdict, (status, body) in zip(verdicts, answers, strict=True) if status == 200
    ]
    assert len(won) == 1
    lost = [(status, body["code"], body["details"]["status"]) for status, body in answers if status != 200]
    assert lost == [(409, "decision.made", won[0][0])] * 9
    view = await install.until_final(run)
    assert view.status is (RunStatus.SUCCESS if won[0][0] == "APPROVED" else RunStatus.FAILED)
    events = await install.rows(
        "SELECT 1 FROM events WHERE run_id = $1 AND type = 'approval.decided'", UUID(run)
    )
    assert len(events) == 1


async def test_a_question_that_nobody_answers_expires_as_its_workflow_says(install: Install) -> None:
    gates = [
        CAREFUL | {"id": how, "approval": {"expires_in": "1s", "on_expiry": how}}
        for how in ("reject", "skip")
    ]
    after: list[dict[str, Any]] = [{"id": f"after-{how}", "depends_on": [how]} for how in ("reject", "skip")]
    run = await install.start("expired", gates + after)
    view = await install.until_final(run)
    assert view.status is RunStatus.FAILED
    assert code_of(node_of(view, "reject")) == "approval.expired"
    assert node_of(view, "skip").status is NodeStatus.SKIPPED
    for node in view.nodes:
        assert node.attempts == []
        if node.approval is not None:
            assert node.approval.status is ApprovalStatus.EXPIRED
            status, problem = await _refused(install, node.approval, "APPROVED", node.approval.payload_sha256)
            assert (status, problem["code"]) == (409, "decision.too_late")


async def test_cancelling_a_run_that_waits_withdraws_its_question(install: Install) -> None:
    run = await install.start("cancelled-waiting", [CAREFUL | {"id": "apply"}])
    asked = await install.until_asked(run, "apply")
    view = await install.client.cancel(run, "changed my mind")
    assert view.status is RunStatus.CANCELLED
    assert node_of(view, "apply").status is NodeStatus.CANCELLED
    status, problem = await _refused(install, asked, "APPROVED", asked.payload_sha256)
    assert (status, problem["code"]) == (409, "decision.withdrawn")
    assert node_of(await install.client.run(run), "apply").attempts == []


async def test_a_retry_copies_what_succeeded_and_asks_its_gates_again(install: Install) -> None:
    nodes: list[dict[str, Any]] = [
        {"id": "scan"},
        CAREFUL | {"id": "apply", "depends_on": ["scan"], "inputs": {"n": "{{ nodes.scan.output.n }}"}},
        {"id": "tell", "depends_on": ["apply"]},
    ]
    first = await install.start("retried", nodes)
    asked = await install.until_asked(first, "apply")
    await install.client.decide(asked.id, Verdict.REJECTED, asked.payload_sha256)
    failed = await install.until_final(first)
    before = failed.model_dump()

    second = (await install.client.retry(first)).id
    again = await install.until_asked(second, "apply")
    assert again.id != asked.id
    assert again.payload_sha256 != asked.payload_sha256  # a decision covers one run
    await install.client.decide(again.id, Verdict.APPROVED, again.payload_sha256)
    view = await install.until_final(second)
    assert view.status is RunStatus.SUCCESS, view.failure
    assert view.retry_of == first
    scan = node_of(view, "scan")
    assert (scan.status, scan.reused_from, scan.attempts) == (NodeStatus.SUCCESS, first, [])
    assert await install.client.node_output(second, "scan") == await install.client.node_output(first, "scan")
    assert node_of(view, "apply").reused_from is None
    assert len(node_of(view, "tell").attempts) == 1
    assert (await install.client.run(first)).model_dump() == before
    with pytest.raises(ProblemError) as raised:
        await install.client.retry(second)
    assert raised.value.problem.code == "run.not_retryable"
