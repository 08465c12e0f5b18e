"""Which artifacts an input names: found with their places, or told in one way to hosts and authors alike."""

import json
from typing import Any

import pytest
from airlock_agents.author import attempt
from airlock_agents.author.manifest import AuthorProblem
from airlock_agents.sandbox.inputs import BrokenInput, input_artifacts
from airlock_contracts.manifest import Manifest

GOOD = {"artifact": "sha256:" + "e" * 64, "size": 1, "media_type": "text/plain"}


def manifest(protocol: str) -> Manifest:
    fields: dict[str, Any] = {"name": "a", "version": "1.0.0", "type": "RULE", "image": "a"}
    actions = {"go": {"input_schema": {}, "output_schema": {}}}
    return Manifest.model_validate(fields | {"protocol": protocol, "actions": actions})


def test_artifacts_are_found_with_their_places_and_none_for_who_cannot_get_them() -> None:
    document = json.dumps({"a": [GOOD], "b": 7}).encode()
    (found,) = input_artifacts(manifest("airlock/1"), document)
    assert (found.pointer, found.ref.sha256) == ("/a/0", "e" * 64)
    assert input_artifacts(manifest("stdio"), document) == ()


@pytest.mark.parametrize(
    "document",
    [
        json.dumps({"x": GOOD | {"size": -1}}).encode(),
        json.dumps({"x": GOOD | {"media_type": "none"}}).encode(),
        b'{"x": 1, "x": 2}',
        b"\xff",
    ],
)
def test_an_input_that_cannot_be_read_is_told_and_never_raised_as_it_is(document: bytes) -> None:
    with pytest.raises(BrokenInput, match="the input cannot be read"):
        input_artifacts(manifest("airlock/1"), document)
    with pytest.raises(AuthorProblem, match="the input cannot be read"):
        attempt._named(manifest("airlock/1"), document)
