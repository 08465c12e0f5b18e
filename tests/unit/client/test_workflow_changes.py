"""The name in a workflow's document, by which the version that a change replaces is looked up first."""

import pytest
from airlock_client.changes import name_in


@pytest.mark.parametrize(
    "document",
    [
        b"name: review\nnodes: []\n",
        b"# ours\ndescription: >-\n  name: no\nnodes: [{name: no}]\nname: review\n",
        b'{"nodes": [{"id": "name", "inputs": {"name": "no"}}], "description": "name", "name": "review"}',
        b"input_schema: {properties: {name: {const: no}}}\n'name': \"review\"\n",
        b"nodes:\n  - {id: a, depends_on: [b, c]}\nname: review\nnodes: [",
    ],
)
def test_the_name_is_that_of_the_document_itself(document: bytes) -> None:
    assert name_in(document) == "review"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"nodes: []\n",
        b"name: Not A Name\n",
        b"name: [review]\n",
        b"name: {name: review}\n",
        b"nodes: [\n",
        b"\xff\xfe",
        b"\0",
        b"name: ../keys\n",
        b"[" * 100_000,
        b"a: &a [x]\nname: *a\n",
    ],
)
def test_where_there_is_none_the_service_may_say_so(document: bytes) -> None:
    assert name_in(document) is None
