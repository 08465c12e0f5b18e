"""Contexts: what a trigger brings, checked against the workflow's input schema before there is a run."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from airlock_contracts import strict_json
from airlock_contracts.artifacts import find_artifacts
from airlock_contracts.problems import Finding
from airlock_contracts.workflow import WorkflowSpec
from pydantic import ValidationError

from ..engine.schemas import Validator, resolve_artifacts
from ..errors import ContextInvalid, ContextTooLarge, counted
from ..store import artifacts as artifact_store
from ..store.sessions import Sessions

MAX_CONTEXT_BYTES = 256 * 1024
_KEPT = 256  # compiled schemas
_INLINE_BYTES = 16 * 1024  # larger contexts are checked in a thread


@dataclass(frozen=True, slots=True)
class Context:
    """A trigger's input: the bytes as they came, and what they say."""

    data: bytes
    value: object

    @classmethod
    def of(cls, data: bytes) -> "Context":
        """Parse a context strictly. Raises ContextTooLarge, ContextInvalid."""
        if len(data) > MAX_CONTEXT_BYTES:
            raise ContextTooLarge(f"{len(data)} bytes; at most {MAX_CONTEXT_BYTES}", limit=MAX_CONTEXT_BYTES)
        try:
            return cls(data, strict_json.parse(data))
        except strict_json.InvalidJson as error:
            finding = Finding(place="context", code="json.invalid", message=str(error))
            raise ContextInvalid(counted([finding]), errors=[finding]) from error


class ContextChecks:
    """Checks contexts; the schemas of workflow versions are compiled once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._validators: OrderedDict[UUID, Validator] = OrderedDict()

    async def check(self, context: Context, version: UUID, spec: WorkflowSpec) -> tuple[str, ...]:
        """Answer the digests that a context names, sorted. Raises ContextInvalid with every problem."""
        findings = await self._against_schema(context, version, spec)
        try:
            named = list(find_artifacts(context.value))
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = "context." + ".".join(str(part) for part in problem["loc"])
            findings.append(Finding(place=place, code="artifact.malformed", message=problem["msg"]))
            named = []
        if named:
            async with self._sessions.reading() as session:
                sizes = await artifact_store.sizes(session, {ref.sha256 for _, ref in named})
            for pointer, ref in named:
                if ref.sha256 not in sizes:
                    message = f"there is no artifact {ref.artifact}"
                elif sizes[ref.sha256] != ref.size:
                    message = f"{ref.artifact} has {sizes[ref.sha256]} bytes, not {ref.size}"
                else:
                    continue
                findings.append(Finding(place=f"context{pointer}", code="artifact.unknown", message=message))
        if findings:
            raise ContextInvalid(counted(findings), errors=findings)
        return tuple(sorted({ref.sha256 for _, ref in named}))

    async def _against_schema(self, context: Context, version: UUID, spec: WorkflowSpec) -> list[Finding]:
        validator = self._validators.get(version)
        if validator is None:
            validator = await asyncio.to_thread(Validator, resolve_artifacts(spec.input_schema))
            self._validators[version] = validator
            while len(self._validators) > _KEPT:
                self._validators.popitem(last=False)
        else:
            self._validators.move_to_end(version)
        if len(context.data) > _INLINE_BYTES:
            problems = await asyncio.to_thread(validator.problems, context.value)
        else:
            problems = validator.problems(context.value)
        return [
            Finding(place=f"context{found.pointer}", code=f"schema.{found.keyword}", message=found.message)
            for found in problems
        ]
