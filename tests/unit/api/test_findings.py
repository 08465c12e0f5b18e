"""What is wrong with a document is said once, in its place, with the word that was meant."""

from __future__ import annotations

from typing import Any

import pytest
from airlock_contracts.manifest import Manifest
from airlock_contracts.views import DecisionRequest
from airlock_contracts.workflow import WorkflowSpec
from airlock_orchestration.api.documents import as_model
from airlock_orchestration.errors import AgentInvalid, InvalidRequest
from airlock_orchestration.operations.documents import Document, DocumentFormat, read_document
from airlock_orchestration.operations.findings import did_you_mean, validate
from pydantic import BaseModel

ACTION = {"input_schema": {}, "output_schema": {}}
AGENT = {"name": "a", "version": "1.0.0", "type": "RULE", "image": "x", "actions": {"go": ACTION}}
NODE = {"id": "n", "agent": "a", "action": "go"}


def wrong(value: Any, model: type[BaseModel] = Manifest) -> list[tuple[str, str]]:
    with pytest.raises(AgentInvalid) as raised:
        validate(Document(value), model, AgentInvalid)
    return [(finding.place, finding.message) for finding in raised.value.errors]


def test_a_word_that_fits_no_branch_of_a_union_is_one_problem() -> None:
    assert wrong(AGENT | {"network": "full"}) == [("network", "must match ^none$")]


def test_a_misspelt_field_names_the_one_that_was_meant_where_it_stands() -> None:
    assert wrong(AGENT | {"limit": {}}) == [("limit", "unknown field 'limit'; did you mean 'limits'?")]
    network = wrong(AGENT | {"network": {"egres": ["a.example.com:443"]}})
    assert ("network.egres", "unknown field 'egres'; did you mean 'egress'?") in network
    deep = wrong(AGENT | {"actions": {"go": ACTION | {"risklevel": "AUTO"}}})
    assert deep == [("actions.go.risklevel", "unknown field 'risklevel'; did you mean 'risk_level'?")]
    node = wrong({"name": "w", "nodes": [NODE | {"dependson": []}]}, WorkflowSpec)
    assert node == [("nodes.n.dependson", "unknown field 'dependson'; did you mean 'depends_on'?")]


def test_a_word_that_is_like_no_field_gets_no_suggestion() -> None:
    assert wrong(AGENT | {"zzz": 1}) == [("zzz", "unknown field 'zzz'")]
    assert did_you_mean("x" * 10_000_000, {"limits"}) == ""


@pytest.mark.parametrize("value", [False, "512", 512.5, None])
def test_nothing_is_taken_for_a_number_that_is_none(value: object) -> None:
    assert [place for place, _ in wrong(AGENT | {"limits": {"memory_mb": value}})] == ["limits.memory_mb"]


def test_a_misspelt_field_of_a_request_names_the_one_that_was_meant() -> None:
    body = read_document(b'{"decission": "APPROVED"}', DocumentFormat.JSON)
    with pytest.raises(InvalidRequest) as raised:
        as_model(body, DecisionRequest)
    assert raised.value.detail == "unknown field 'decission'; did you mean 'decision'?"
    assert raised.value.errors[0].message == "unknown field; did you mean 'decision'?"
