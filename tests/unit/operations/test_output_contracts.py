"""An output is what its agent's registration promises, or its attempt fails with the reason and the place."""

from typing import Any

import pytest
from airlock_contracts import failures
from airlock_contracts.failures import FailureKind
from airlock_contracts.manifest import Limits
from airlock_orchestration.engine.schemas import Validator
from airlock_orchestration.operations.outputs import (
    BrokenContract,
    artifacts_named,
    check_output,
    unknown_artifacts,
)

DIGEST = f"sha256:{'a' * 64}"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}


def checked(body: bytes, output_kb: int = 1) -> object:
    return check_output(Limits(output_kb=output_kb), Validator(SCHEMA), body)


def test_what_satisfies_its_schema_is_taken_as_it_is() -> None:
    assert checked(b'{"n": 1}') == {"n": 1}


@pytest.mark.parametrize(
    ("body", "code", "says", "details"),
    [
        (b'"' + b"x" * 1023 + b'"', failures.OUTPUT_TOO_LARGE, "at most 1024", {"limit": 1024}),
        (b'{"n": 1, "n": 2}', failures.OUTPUT_INVALID_JSON, "not strict JSON", {}),
        (b'{"n": "one"}', failures.OUTPUT_SCHEMA_MISMATCH, "at /n", {"pointer": "/n"}),
        (b"[]", failures.OUTPUT_SCHEMA_MISMATCH, "at /:", {"pointer": ""}),
    ],
)
def test_what_does_not_is_told_with_its_place_and_may_be_tried_again(
    body: bytes, code: str, says: str, details: dict[str, Any]
) -> None:
    with pytest.raises(BrokenContract) as broken:
        checked(body)
    failure = broken.value.failure
    assert (failure.kind, failure.code, failure.retryable) == (FailureKind.CONTRACT, code, True)
    assert says in failure.message
    assert failure.details == details


def test_what_else_is_wrong_is_told_beside_it_bounded() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    many = b"{" + b",".join(b'"k%02d": "no"' % number for number in range(50)) + b"}"
    with pytest.raises(BrokenContract) as broken:
        check_output(Limits(output_kb=8), Validator(schema), many)
    also = broken.value.failure.details["also"]
    assert broken.value.failure.details["pointer"] == "/k00"
    assert [line.partition(":")[0] for line in also] == [f"at /k{number:02}" for number in range(1, 8)]
    assert also[0] == 'at /k01: "no" is not of type "integer"'


def test_an_output_as_large_as_it_may_be_is_taken() -> None:
    body = b'{"t": "' + b"x" * (1024 - 9) + b'"}'
    assert len(body) == 1024
    assert checked(body) == {"t": "x" * 1015}


def test_a_reference_that_is_none_breaks_the_contract() -> None:
    good = {"artifact": DIGEST, "size": 1, "media_type": "text/plain"}
    assert [ref.artifact for ref in artifacts_named({"files": [good]})] == [DIGEST]
    with pytest.raises(BrokenContract) as broken:
        artifacts_named({"files": [good, {**good, "size": -1}]})
    assert broken.value.failure.code == failures.OUTPUT_UNKNOWN_ARTIFACT


def test_of_many_unknown_artifacts_the_first_twenty_are_named() -> None:
    digests = {f"{n:064x}" for n in range(30)}
    assert unknown_artifacts(digests).failure.details == {"artifacts": sorted(digests)[:20]}
