"""Asks the agent `probe` to look for a way out of its sandbox, through the path that every step takes.

Two runs of one node each: `airlock-probe` tries everything and answers; `airlock-probe-exhaust` takes more
memory than it was granted, and a sandbox that holds is ended for it: that run ends FAILED `memory.exceeded`.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml
from airlock_contracts.failures import MEMORY_EXCEEDED
from airlock_contracts.statuses import HostStatus, RunStatus
from airlock_contracts.views import AgentView, RunView, WorkflowView

from ..changes import apply, look
from ..client import AirlockClient
from ..embedded.errors import EmbeddedError
from ..errors import ClientError, ProblemError, UnexpectedAnswer
from . import shipped

AGENT = "probe"
WORKFLOWS = {"look": "airlock-probe", "exhaust": "airlock-probe-exhaust"}
"""What the workflow of each action is called: names that nobody else takes by chance."""
_DESCRIPTIONS = {
    "look": "Look for a way out of a sandbox.",
    "exhaust": "Take more memory than is granted: FAILED, memory.exceeded, where the sandbox holds.",
}
POOL = "default"
SECONDS = 180.0
"""For both runs: some seconds of work, and a wait for free slots."""
_HOLDING = frozenset({"refused", "absent", "held"})
_OTHER_CONTENT = "agent.conflict"
_UNKNOWN = "agent.unknown"
_IMAGE_PROBLEM = "agent.image"
_BUILD_DIGITS = 12
_MAX_NAME = 63
"""Characters that any name may have."""
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
    agent: str = AGENT
    """`name@version`: what was run."""
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
            "agent": self.agent,
            "runs": list(self.runs),
            "tries": [asdict(one) for one in self.tried],
        }


async def probe(client: AirlockClient, pool: str = POOL) -> Probed:
    """Register what is needed, run both, and answer what was seen. Raises NoProbe, ClientError."""
    await _somebody_works(client, pool)
    agent = await _register(client, pool)
    views = [await _apply(client, named(stem, pool), action, agent) for action, stem in WORKFLOWS.items()]
    started = [await client.trigger(view.name, {}, version=view.version) for view in views]
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
        agent=looked.nodes[0].agent,
    )


def read(
    output: Mapping[str, Any], memory: Tried, *, pool: str, host: str, runs: Sequence[str], agent: str = AGENT
) -> Probed:
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
    return Probed(pool=pool, host=host, kernel=kernel, runs=tuple(runs), agent=agent, tried=(*tried, memory))


def named(stem: str, pool: str) -> str:
    """What a thing of the probe is called for a pool: never longer than a name may be."""
    name = stem if pool == POOL else f"{stem}-in-{pool}"
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.sha256(pool.encode()).hexdigest()[:8]
    return f"{name[: _MAX_NAME - len(digest) - 1]}-{digest}"


def is_ours(view: WorkflowView, action: str, agent: str) -> bool:
    """Whether a workflow is one that a probe applied, of whichever release."""
    return [(node.id, node.agent.partition("@")[0], node.action) for node in view.spec.nodes] == [
        (action, agent.partition("@")[0], action)
    ]


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
    """See to it that this release's probe is registered for the pool; answers `name@version`."""
    manifest = await _manifest(client)
    if pool != POOL:
        # A version's pool never changes: a pool of another name has an agent of its own, of the same image.
        manifest = manifest | {"name": named(WORKFLOWS["look"], pool), "pool": pool}
    reference = f"{manifest['name']}@{manifest['version']}"
    image = manifest["image"]
    manifest = manifest | {"image": await _image(image)}
    try:
        view, _ = await _register_any(client, manifest, image)
    except ProblemError as error:
        content = error.problem.details.get("content_sha256")
        if error.problem.code != _OTHER_CONTENT or not isinstance(content, str):
            raise
        registered = (await client.agent(reference)).manifest
        if _repository(registered.image) != _repository(image):
            raise NoProbe(
                f"the agent {reference} is not Airlock's own: it runs the image {registered.image}",
                f"an install where nobody took the name {manifest['name']} can be probed",
            ) from error
        # Another build registered it under the same version. That one is not asked what this one knows.
        version = f"{manifest['version'].partition('-')[0]}-{content[:_BUILD_DIGITS]}"
        view, _ = await _register_any(client, manifest | {"version": version}, image)
    return f"{view.name}@{view.version}"


async def _image(image: str) -> str:
    """The name of this checkout's own build, where this machine has it: others build under the same tag."""
    try:
        return (await shipped.image_names()).get(image, image)
    except EmbeddedError:
        return image  # no checkout, or no engine here: the hosts know what they have


async def _register_any(
    client: AirlockClient, manifest: dict[str, Any], image: str
) -> tuple[AgentView, bool]:
    """Register with the image of its manifest; where hosts elsewhere lack that, with theirs of the name."""
    try:
        return await client.register_agent(json.dumps(manifest).encode())
    except ProblemError as error:
        if error.problem.code != _IMAGE_PROBLEM or manifest["image"] == image:
            raise
    return await client.register_agent(json.dumps(manifest | {"image": image}).encode())


def _repository(image: str) -> str:
    """An image's name without the tag of its build. Pure."""
    head, slash, last = image.rpartition("/")
    return head + slash + last.partition(":")[0]


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


async def _apply(client: AirlockClient, name: str, action: str, agent: str) -> WorkflowView:
    """See to it that there is the workflow for an action, and that it is nobody else's; answers it."""
    seen = await look(client, name)
    if seen is not None and not is_ours(seen.view, action, agent):
        by = f"its version {seen.view.version} is by {seen.view.created_by}"
        raise NoProbe(
            f"the workflow {name} is not the probe's own, and was left alone: {by}",
            f"airlock workflows show {name}; that name is the probe's, apply yours under another one",
        )
    document = {
        "name": name,
        "description": _DESCRIPTIONS[action],
        "nodes": [{"id": action, "agent": agent, "action": action, "inputs": {}}],
    }
    view, _ = await apply(client, json.dumps(document).encode(), seen)
    return view


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
