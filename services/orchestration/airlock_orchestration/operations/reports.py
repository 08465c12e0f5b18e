"""What a host says about an attempt: fence, check the output against its contract, advance."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import span
from airlock_contracts import failures, strict_json
from airlock_contracts.artifacts import ArtifactRef, find_artifacts
from airlock_contracts.failures import Failure, FailureKind
from airlock_contracts.messages import MAX_EVIDENCE_BYTES, AttemptId, Report, ReportStatus

from ..engine.plan import PlanNode
from ..engine.signals import AttemptFailed, AttemptSucceeded, Evidence
from .advance import Door
from .entries import Advanced
from .outputs import BrokenContract, artifacts_named, check_output, unknown_artifacts

INLINE_BYTES = 64 * 1024
"""Larger outputs are checked in a thread, so that they hold up nobody's heartbeat."""


class Provenance(Protocol):
    """What Postgres knows of where artifacts came from."""

    async def inputs(self, nodes: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes]: ...
    async def put_by(self, attempt: str, digests: Collection[str]) -> frozenset[str]: ...


class Reports:
    """Settles reports through the door."""

    def __init__(self, door: Door, provenance: Provenance) -> None:
        self._door = door
        self._provenance = provenance

    async def settle(self, report: Report, body: bytes) -> Advanced:
        """Apply a report. Late, repeated or foreign ones change nothing. Raises StoreUnavailable."""
        id_ = report.attempt
        run = await self._door.peek(id_.run)
        if run is None or (plan := run.plan.nodes.get(id_.node)) is None:
            return Advanced(None, stale=True)
        if report.status is not ReportStatus.SUCCESS:
            return await self._failed(report, report.failure or _unexplained(report), body)
        try:
            with span(names.SPAN_OUTPUT_CHECK):
                value, artifacts = await self._accept(plan, report, body)
        except BrokenContract as broken:
            return await self._failed(report, broken.failure, body)
        advanced = await self._advance(
            AttemptSucceeded(
                id_.run,
                id_.node,
                id_.number,
                report.token,
                report.host,
                output=body,
                value=value,
                artifacts=artifacts,
                evidence=_evidence(report, b""),
            )
        )
        if advanced.refused:
            gone = BrokenContract(
                failures.OUTPUT_UNKNOWN_ARTIFACT, "an artifact that the output names is gone"
            )
            return await self._failed(report, gone.failure, body)
        return advanced

    async def _failed(self, report: Report, failure: Failure, body: bytes) -> Advanced:
        id_ = report.attempt
        return await self._advance(
            AttemptFailed(
                id_.run,
                id_.node,
                id_.number,
                report.token,
                report.host,
                failure=failure,
                evidence=_evidence(report, body),
            )
        )

    async def _advance(self, signal: AttemptSucceeded | AttemptFailed) -> Advanced:
        with span(names.SPAN_ADVANCE):
            return await self._door.advance(signal)

    async def _accept(
        self, plan: PlanNode, report: Report, body: bytes
    ) -> tuple[object, tuple[ArtifactRef, ...]]:
        if len(body) > INLINE_BYTES:
            value = await asyncio.to_thread(
                check_output, plan.agent.manifest.limits, plan.output_validator, body
            )
        else:
            value = check_output(plan.agent.manifest.limits, plan.output_validator, body)
        named = artifacts_named(value)
        if named:
            await self._know(report.attempt, named)
        return value, named

    async def _know(self, attempt: AttemptId, named: Sequence[ArtifactRef]) -> None:
        """An output may name only artifacts of its input, or put by this very attempt."""
        digests = {ref.sha256 for ref in named}
        digests -= await self._provenance.put_by(str(attempt), digests)
        if not digests:
            return
        key = (attempt.run, attempt.node)
        # Of a node that nobody has asked to run there is no input: its report is stale, whatever it names.
        given = strict_json.parse((await self._provenance.inputs([key])).get(key, b"null"))
        digests -= {ref.sha256 for _, ref in find_artifacts(given)}
        if digests:
            raise unknown_artifacts(digests)


def _evidence(report: Report, raw_output: bytes) -> Evidence:
    return Evidence(raw_output[:MAX_EVIDENCE_BYTES], report.stderr_tail, report.usage)


def _unexplained(report: Report) -> Failure:
    kind = FailureKind.CANCELLED if report.status is ReportStatus.CANCELLED else FailureKind.INTERNAL
    return Failure(kind=kind, code=kind.value, message=f"the host reported {report.status} without a reason")
