"""What a manifest may not ask for, each with its place, its code and a sentence."""

from typing import Any

import pytest
from airlock_contracts.manifest import Manifest
from airlock_contracts.problems import Finding
from airlock_orchestration.engine.manifests import check_manifest

ARTIFACT = {"$ref": "airlock:artifact"}
EMPTY: dict[str, Any] = {}


def check(*, input_schema: Any = EMPTY, output_schema: Any = EMPTY, **more: Any) -> list[Finding]:
    document: dict[str, Any] = {
        "name": "scanner",
        "version": "1.0.0",
        "type": "RULE",
        "image": "scanner",
        "protocol": "airlock/1",
        "actions": {
            "scan": {"input_schema": {"type": "object"}, "output_schema": {"type": "object"}},
            "look": {"input_schema": input_schema, "output_schema": output_schema},
        },
        **more,
    }
    return check_manifest(Manifest.model_validate(document))


@pytest.mark.parametrize(
    ("asked", "place", "code", "message"),
    [
        (
            {"network": {"egress": ["a.test:443", "b.test:80"]}},
            "network",
            "network.unsupported",
            "egress is not available yet; it asks for a.test:443, b.test:80",
        ),
        (
            {"secrets": ["token", "key"]},
            "secrets",
            "secrets.unsupported",
            "not available yet: token, key",
        ),
        (
            {"protocol": "stdio", "input_schema": {"properties": {"tree": ARTIFACT}}},
            "actions.look.input_schema",
            "protocol.stdio",
            "airlock:artifact needs protocol airlock/1: stdio has none",
        ),
        (
            {"protocol": "stdio", "output_schema": {"anyOf": [True, {"items": ARTIFACT}]}},
            "actions.look.output_schema",
            "protocol.stdio",
            "airlock:artifact needs protocol airlock/1: stdio has none",
        ),
        (
            {"input_schema": {"$ref": "#x"}},
            "actions.look.input_schema/$ref",
            "schema.unknown_reference",
            "#x leads to no subschema",
        ),
        (
            {"output_schema": {"$ref": "#y"}},
            "actions.look.output_schema/$ref",
            "schema.unknown_reference",
            "#y leads to no subschema",
        ),
    ],
)
def test_what_cannot_be_had_is_told_with_its_place(
    asked: dict[str, Any], place: str, code: str, message: str
) -> None:
    assert check(**asked) == [Finding(place=place, code=code, message=message)]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"input_schema": {"properties": {"tree": ARTIFACT}}},
        {"protocol": "stdio", "input_schema": {"properties": {"$ref": {"const": "airlock:artifact"}}}},
    ],
)
def test_what_can_be_had_has_no_findings(asked: dict[str, Any]) -> None:
    assert check(**asked) == []


def test_everything_is_told_at_once() -> None:
    found = check(
        network={"egress": ["a.test:443"]},
        secrets=["token"],
        input_schema={"$ref": "#x"},
        output_schema=EMPTY,
    )
    assert [finding.code for finding in found] == [
        "network.unsupported",
        "secrets.unsupported",
        "schema.unknown_reference",
    ]
