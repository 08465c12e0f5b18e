"""What an agent registers: its manifest (`agent.yaml`), and the agent version that becomes of it."""

import hashlib
import json
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from .base import Contract, JsonObject, Message, Name, Sha256, Time, Version
from .statuses import AgentType, Effects, Isolation, Protocol, RiskLevel

ActionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class Limits(Contract):
    """What one sandbox may use."""

    memory_mb: int = Field(default=512, ge=16, le=65536)
    """Memory and swap together, scratch included; mebibytes."""
    cpus: float = Field(default=1.0, gt=0, le=64)
    pids: int = Field(default=128, ge=8, le=32768)
    timeout_seconds: int = Field(default=300, ge=1, le=86400)
    """Time for one attempt, from the request to the answer."""
    output_kb: int = Field(default=256, ge=1, le=512)
    """Largest output document; kibibytes."""
    scratch_mb: int = Field(default=64, ge=1, le=16384)
    """Size of the writable folder /tmp; mebibytes."""


class Action(Contract):
    """One thing an agent can do."""

    description: str = Field(default="", max_length=2000)
    input_schema: JsonObject
    """JSON Schema 2020-12 of the input."""
    output_schema: JsonObject
    """JSON Schema 2020-12 of the output."""
    risk_level: RiskLevel | None = None
    """May raise the agent's risk level, never lower it."""


class Egress(Contract):
    """Which addresses a sandbox may reach, through the host's proxy."""

    egress: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.*-]{1,253}:[0-9]{1,5}$")]] = Field(
        min_length=1, max_length=64
    )


class Manifest(Contract):
    """An agent as its author describes it."""

    name: Name
    version: Version
    type: AgentType
    description: str = Field(default="", max_length=4000)
    image: str = Field(min_length=1, max_length=512)
    command: list[Annotated[str, StringConstraints(max_length=4096)]] = Field(
        default_factory=list, max_length=64
    )
    """Replaces the image's entrypoint and command; empty means the image's own."""
    protocol: Protocol = Protocol.STDIO
    isolation: Isolation = Isolation.INVOCATION
    pool: Name = "default"
    risk_level: RiskLevel = RiskLevel.AUTO
    idempotent: bool = False
    """Whether running it twice with one idempotency key does what once does."""
    limits: Limits = Limits()
    network: Annotated[str, StringConstraints(pattern=r"^none$")] | Egress = "none"
    secrets: list[Name] = Field(default_factory=list, max_length=32)
    actions: dict[ActionName, Action] = Field(min_length=1, max_length=64)

    @property
    def effects(self) -> Effects:
        """`external` with network or secrets, else `none`."""
        return Effects.NONE if self.network == "none" and not self.secrets else Effects.EXTERNAL

    def risk_of(self, action: str) -> RiskLevel:
        """The risk level of one of its actions: the higher of the action's and the agent's."""
        own = self.actions[action].risk_level
        levels = {self.risk_level, own}
        return RiskLevel.APPROVAL_REQUIRED if RiskLevel.APPROVAL_REQUIRED in levels else RiskLevel.AUTO

    @model_validator(mode="after")
    def _reuse_is_for_harmless_agents(self) -> Self:
        gated = [name for name in self.actions if self.risk_of(name) is RiskLevel.APPROVAL_REQUIRED]
        if self.isolation is Isolation.REUSE and (gated or self.effects is Effects.EXTERNAL):
            raise ValueError("isolation: reuse is for agents without effects whose actions are all AUTO")
        if self.protocol is Protocol.STDIO and self.secrets:
            raise ValueError("protocol: stdio takes no secrets; use airlock/1")
        return self


class AgentVersion(Message):
    """An agent version as registered: immutable."""

    id: str
    """UUIDv7."""
    project: Name
    manifest: Manifest
    image_digest: str
    """What containers run: `sha256:...` of the image, or its repository digest."""
    content_sha256: Sha256
    """Hash over manifest, image digest and schemas; see `agent_content_sha256`."""
    created_at: Time
    created_by: str

    @property
    def reference(self) -> str:
        """`name@version`."""
        return f"{self.manifest.name}@{self.manifest.version}"


def canonical_json(value: object) -> bytes:
    """Write a JSON value with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def agent_content_sha256(manifest: Manifest, image_digest: str) -> str:
    """Hash what an agent version is: manifest (with its schemas) and image digest."""
    document = {"image_digest": image_digest, "manifest": manifest.model_dump(mode="json")}
    return hashlib.sha256(b"airlock-agent-v1\n" + canonical_json(document)).hexdigest()
