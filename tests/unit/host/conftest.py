"""Builders of what a host works on."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airlock_agents.host.attempt import Attempt
from airlock_contracts.manifest import AgentVersion, Manifest, agent_content_sha256
from airlock_contracts.messages import AttemptId, Invocation
from airlock_contracts.payload import sha256_hex

IMAGE = f"sha256:{'1' * 64}"


def build_agent(**fields: Any) -> AgentVersion:
    """A registered agent; effect-free and AUTO unless told otherwise."""
    manifest = Manifest.model_validate(
        {
            "name": "test-agent",
            "version": "1.0.0",
            "type": "SCRIPT",
            "image": "airlock-base",
            "actions": {"go": {"input_schema": {}, "output_schema": {}}},
            **fields,
        }
    )
    return AgentVersion(
        id=str(uuid.uuid4()),
        project="default",
        manifest=manifest,
        image_digest=IMAGE,
        content_sha256=agent_content_sha256(manifest, IMAGE),
        created_at=datetime.now(UTC),
        created_by="test",
    )


def build_attempt(
    agent: AgentVersion | None = None, *, body: bytes = b"{}", claim_first: bool = False
) -> Attempt:
    """An attempt whose registration is known."""
    registration = agent or build_agent()
    invocation = Invocation(
        project="default",
        attempt=AttemptId(run=str(uuid.uuid4()), node="scan", number=1),
        agent=registration.reference,
        agent_version_id=registration.id,
        action="go",
        claim_first=claim_first,
        preview_sha256=sha256_hex(b""),
        timeout_seconds=30,
    )
    return Attempt(invocation, body, [], registration=registration)


@pytest.fixture
def make_agent() -> Callable[..., AgentVersion]:
    return build_agent


@pytest.fixture
def make_attempt() -> Callable[..., Attempt]:
    return build_attempt
