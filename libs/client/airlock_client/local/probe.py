"""Asks the agent `probe` to look for a way out of its sandbox, through the path that every step takes.

Two runs of one node each: `probe` tries everything and answers; `probe-memory` takes more memory than it was
granted, and a sandbox that holds is ended for it, so that run ends FAILED with `memory.exceeded`.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml
from airlock_contracts.failures import MEMORY_EXCEEDED
from airlock_contracts.statuses import HostStatus, RunStatus
from airlock_contracts.views import RunView

from ..client import AirlockClient
from ..errors import ClientError, ProblemError, UnexpectedAnswer
from . import shipped

AGENT = "probe"
POOL = "default"
SECONDS = 180.0
"""For both runs: some seconds of work, and a wait for free slots."""
_HOLDING = frozenset({"refused", "absent", "held"})
_OTHER_CONTENT = "agent.conflict"
_UNKNOWN = "agent.unknown"
_MEMORY_WHY = "one agent must not take the machine's memory from the others"
_MEMORY_MEND = "the engine must enforce limits: no warnings in `docker info`, no runtime that ignores them"


class NoProbe(ClientError):
    """The probe could not be made: why, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Tried:
    """One try: its kind, how it ended, what was seen; of what is open, why it matters and how to mend it."""

    group: str
    name: str
    verdict: str
    saw: str
    why: str = ""
    mend: str = ""

    @property
    def holds(self) -> bool:
        """Whether the sandbox is closed here."""
        return self.verdict in _HOLDING


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a probe."""

    pool: str
    host: str
    """The one host of the pool that took it."""
    kernel: str
    runs: tuple[str, ...]
    tried: tuple[Tried, ...] = field(default=())

    @property
    def open(self) -> tuple[Tried, ...]:
        """What does not hold."""
        return tuple(one for one in self.tried if not one.holds)

    @property
    def held(self) -> int:
        """How many hold."""
        return len(self.tried) - len(self.open)

    @property
    def holds(self) -> bool:
        """Whether something was tried, and all of it holds."""
        return bool(self.tried) and not self.open

    @property
    def line(self) -> str:
        """It all in one line."""
        return f"probe: {self.held}/{len(self.tried)}"

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "tried": len(self.tried),
            "held": self.held,
            "pool": self.pool,
            "host": self.host,
            "kernel": self.kernel,
            "runs": list(self.runs),
            "tries": [asdict(one) for one in self.tried],
        }


async def probe(client: AirlockClient, pool: str = POOL) -> Probed:
    """Register what is needed, run both, and answer what was seen. Raises NoProbe, ClientError."""
    await _somebody_works(client, pool)
    name = await _register(client, pool)
    workflows = [_workflow(name, "look", name), _workflow(f"{name}-memory", "exhaust", name)]
    for document in workflows:
        await client.apply_workflow(json.dumps(document).encode())
    started = [await client.trigger(document["name"], {}) for document in workflows]
    try:
        async with asyncio.timeout(SECONDS):
            ended = await asyncio.gather(*(_end(client, one.id) for one in started))
    except TimeoutError as error:
        raise NoProbe(
            f"the probe has not ended within {SECONDS:g} s",
            f"airlock runs show {started[0].id}, airlock hosts: is the pool {pool} busy?",
        ) from error
    looked, exhausted = ended
    if looked.status is not RunStatus.SUCCESS:
        failure = looked.nodes[0].failure or looked.failure
        why = f"{failure.code}: {failure.message}" if failure else looked.status
        raise NoProbe(f"the probe itself failed: {why}", f"airlock runs show {looked.id}")
    output = json.loads(await client.node_output(looked.id, "look"))
    attempts = looked.nodes[0].attempts
    return read(
        output,
        await _memory(client, exhausted),
        pool=pool,
        host=(attempts[-1].host if attempts else None) or "?",
        runs=(looked.id, exhausted.id),
    )


def read(output: Mapping[str, Any], memory: Tried, *, pool: str, host: str, runs: Sequence[str]) -> Probed:
    """Put together what both runs showed. Raises UnexpectedAnswer."""
    try:
        advice = {(row["group"], row["name"]): row for row in output["open"]}
        tried = [
            Tried(
                group=row["group"],
                name=row["name"],
                verdict=row["verdict"],
                saw=row["saw"],
                why=advice.get((row["group"], row["name"]), {}).get("why", ""),
                mend=advice.get((row["group"], row["name"]), {}).get("mend", ""),
            )
            for row in output["tries"]
        ]
        kernel = str(output["kernel"])
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedAnswer(f"the agent {AGENT} answered something else: {error!r}") from error
    return Probed(pool=pool, host=host, kernel=kernel, runs=tuple(runs), tried=(*tried, memory))


async def _somebody_works(client: AirlockClient, pool: str) -> None:
    hosts = await client.hosts()
    up = {host.pool for host in hosts if host.status is HostStatus.UP}
    if pool in up:
        return
    if not up:
        raise NoProbe("no agent host is up: nothing can be probed", "airlock up, or airlock agent-host")
    raise NoProbe(
        f"no host of the pool {pool} is up; there are: {', '.join(sorted(up))}",
        f"--pool {min(up)}, or start a host of that pool: airlock agent-host",
    )


async def _register(client: AirlockClient, pool: str) -> str:
    """See to it that there is a probe for the pool; answers the agent's name."""
    manifest = await _manifest(client)
    if pool != POOL:
        # A version's pool never changes: a pool of another name has an agent of its own, of the same image.
        manifest = manifest | {"name": f"{AGENT}-{pool}", "pool": pool}
    try:
        await client.register_agent(json.dumps(manifest).encode())
    except ProblemError as error:
        # An older build registered it under the same version: that one is asked.
        if error.problem.code != _OTHER_CONTENT:
            raise
    return str(manifest["name"])


async def _manifest(client: AirlockClient) -> dict[str, Any]:
    try:
        found = [path for path in shipped.builtin_agents() if path.parent.name == AGENT]
    except shipped.NotShipped:
        found = []
    if found:
        document: dict[str, Any] = yaml.safe_load(await asyncio.to_thread(found[0].read_bytes))
        return document
    try:
        return (await client.agent(AGENT)).manifest.model_dump(mode="json")
    except ProblemError as error:
        if error.problem.code != _UNKNOWN:
            raise
        raise NoProbe(
            f"the agent {AGENT} is neither registered at {client.url} nor installed here",
            "from a checkout: python -m airlock_agents images build probe, then airlock probe",
        ) from error


def _workflow(name: str, action: str, agent: str) -> dict[str, Any]:
    what = {
        "look": "Look for a way out of a sandbox.",
        "exhaust": "Take more memory than is granted: FAILED, memory.exceeded, where the sandbox holds.",
    }
    return {
        "name": name,
        "description": what[action],
        "nodes": [{"id": action, "agent": agent, "action": action, "inputs": {}}],
    }


async def _end(client: AirlockClient, run: str) -> RunView:
    async for _ in client.events(run):
        continue
    return await client.run(run)


async def _memory(client: AirlockClient, run: RunView) -> Tried:
    failure = run.nodes[0].failure
    if failure is not None and failure.code == MEMORY_EXCEEDED:
        return Tried("limits", "memory", "refused", f"{failure.code}: {failure.message}")
    if run.status is RunStatus.SUCCESS:
        output = json.loads(await client.node_output(run.id, "exhaust"))
        saw = f"{output.get('taken_mb')} MiB were taken, {output.get('granted_mb')} are granted"
        return Tried("limits", "memory", "open", saw, _MEMORY_WHY, _MEMORY_MEND)
    saw = f"{failure.code}: {failure.message}" if failure else f"the run ended {run.status}"
    return Tried("limits", "memory", "unclear", saw, _MEMORY_WHY, f"airlock runs show {run.id}")
