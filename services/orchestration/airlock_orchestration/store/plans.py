"""The plans of runs: read once from a workflow version and its pinned agent versions, then kept.

Both are immutable, so a kept plan is never out of date.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import orjson
from airlock_contracts.manifest import AgentVersion, Manifest
from airlock_contracts.workflow import WorkflowSpec

from airlock_orchestration.engine.plan import Plan, make_plan

_KEPT = 512  # plans; each holds compiled templates and schemas
_KEPT_NODES = 50_000  # of all of them together
_INLINE_NODES = 100  # a plan of more is compiled in a thread: a thousand templates take tenths of a second


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What a plan is made of."""

    workflow_version_id: str
    pins: tuple[tuple[str, str], ...]
    """Agent references as nodes write them, each with the id of an agent version; sorted."""

    @classmethod
    def of(cls, workflow_version_id: str, agents: Mapping[str, str]) -> "PlanKey":
        """The key of a run's plan."""
        return cls(workflow_version_id, tuple(sorted(agents.items())))


class PlanSource(Protocol):
    """Where the plans of runs come from."""

    async def plans(self, connection: Any, keys: Collection[PlanKey]) -> dict[PlanKey, Plan]:
        """Answer the plan for each key. Raises KeyError for one that is not in the database."""
        ...


class PlanCache:
    """Keeps the plans used last."""

    def __init__(self, kept: int = _KEPT, kept_nodes: int = _KEPT_NODES) -> None:
        self._kept = kept
        self._kept_nodes = kept_nodes
        self._nodes = 0
        self._plans: OrderedDict[PlanKey, Plan] = OrderedDict()

    async def plans(self, connection: Any, keys: Collection[PlanKey]) -> dict[PlanKey, Plan]:
        """Answer the plan for each key. Raises KeyError for one that is not in the database."""
        # Taken out before anything is awaited: meanwhile others may make room.
        found = {key: self._plans[key] for key in keys if key in self._plans}
        if missing := [key for key in keys if key not in found]:
            found |= await load_plans(connection, missing)
        for key in keys:
            self._keep(key, found[key])
        return {key: found[key] for key in keys}

    def _keep(self, key: PlanKey, plan: Plan) -> None:
        if key in self._plans:
            self._plans.move_to_end(key)
            return
        self._plans[key] = plan
        self._nodes += len(plan.nodes)
        while len(self._plans) > self._kept or (self._nodes > self._kept_nodes and len(self._plans) > 1):
            _, oldest = self._plans.popitem(last=False)
            self._nodes -= len(oldest.nodes)


_VERSIONS = """
SELECT workflow_versions.id::text, project, number, spec
FROM workflow_versions JOIN workflows ON workflows.id = workflow_id
WHERE workflow_versions.id = ANY($1::uuid[])
"""
_AGENTS = """
SELECT id::text, project, manifest, image_digest, content_sha256, created_at, created_by
FROM agents WHERE id = ANY($1::uuid[])
"""


async def load_plans(connection: Any, keys: Collection[PlanKey]) -> dict[PlanKey, Plan]:
    """Read and compile plans, with two queries for all. Raises KeyError for one that is not there."""
    versions = await connection.fetch(_VERSIONS, sorted({key.workflow_version_id for key in keys}))
    by_id = {row["id"]: row for row in versions}
    rows = await connection.fetch(_AGENTS, sorted({agent for key in keys for _, agent in key.pins}))
    agents = {row["id"]: _agent(row) for row in rows}
    specs = {id_: WorkflowSpec.model_validate(orjson.loads(row["spec"])) for id_, row in by_id.items()}
    plans: dict[PlanKey, Plan] = {}
    for key in keys:
        version, spec = by_id[key.workflow_version_id], specs[key.workflow_version_id]
        pinned = {reference: agents[id_] for reference, id_ in key.pins}
        make = partial(make_plan, version["project"], version["number"], spec, pinned)
        plans[key] = make() if len(spec.nodes) <= _INLINE_NODES else await asyncio.to_thread(make)
    return plans


def _agent(row: Any) -> AgentVersion:
    return AgentVersion(
        id=row["id"],
        project=row["project"],
        manifest=Manifest.model_validate(orjson.loads(row["manifest"])),
        image_digest=row["image_digest"],
        content_sha256=row["content_sha256"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
