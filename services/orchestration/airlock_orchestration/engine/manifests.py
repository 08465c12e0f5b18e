"""Whether a manifest can be registered: what it asks for that cannot be had, and its schemas."""

from typing import Any

from airlock_contracts.artifacts import ARTIFACT_SCHEMA_REF
from airlock_contracts.manifest import Manifest
from airlock_contracts.problems import Finding
from airlock_contracts.statuses import Protocol

from .schemas import check_schema


def check_manifest(manifest: Manifest) -> list[Finding]:
    """Say what a manifest asks for that cannot be had, and what is wrong with its schemas."""
    findings: list[Finding] = []

    def refuse(place: str, code: str, message: str) -> None:
        findings.append(Finding(place=place, code=code, message=message))

    if not isinstance(manifest.network, str):
        asked = ", ".join(manifest.network.egress)
        refuse("network", "network.unsupported", f"egress is not available yet; it asks for {asked}")
    if manifest.secrets:
        refuse("secrets", "secrets.unsupported", f"not available yet: {', '.join(manifest.secrets)}")
    for name, action in manifest.actions.items():
        for field, schema in (("input_schema", action.input_schema), ("output_schema", action.output_schema)):
            place = f"actions.{name}.{field}"
            findings.extend(check_schema(schema, place))
            if manifest.protocol is Protocol.STDIO and _names_artifacts(schema):
                refuse(
                    place, "protocol.stdio", f"{ARTIFACT_SCHEMA_REF} needs protocol airlock/1: stdio has none"
                )
    return findings


def _names_artifacts(schema: Any) -> bool:
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("$ref") == ARTIFACT_SCHEMA_REF:
                return True
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return False
