"""Tags of a workflow: a few names, each once; and nothing changes for who has none."""

import json
from typing import Any

import pytest
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.operations.workflows import spec_sha256
from pydantic import ValidationError

NODES = [{"id": "a", "agent": "free", "action": "go"}]
# Of the same workflow, made by a release that knew no tags.
DIGEST_BEFORE = "47bec2b39882418a85bc39064b3f5817c086d6897f1fa8116529ad45a3a809d6"


def spec(**more: Any) -> WorkflowSpec:
    return WorkflowSpec.model_validate({"name": "w", "nodes": NODES, **more})


def test_a_workflow_without_tags_is_what_it_was_before_there_were_tags() -> None:
    for one in (spec(), spec(tags=[])):
        assert "tags" not in json.loads(one.model_dump_json())
        assert spec_sha256(one) == DIGEST_BEFORE


def test_other_tags_are_another_version() -> None:
    digests = {spec_sha256(spec(**more)) for more in ({}, {"tags": ["red"]}, {"tags": ["red", "blue"]})}
    assert len(digests) == 3
    assert WorkflowSpec.model_validate_json(spec(tags=["red"]).model_dump_json()).tags == ["red"]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["red", "blue", "red"], "a tag is named once"),
        ([f"t{n}" for n in range(9)], "at most 8"),
        (["Red"], "match pattern"),
        ([""], "match pattern"),
        ("red", "valid list"),
    ],
)
def test_tags_that_cannot_be_counted_under_are_refused(tags: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        spec(tags=tags)
