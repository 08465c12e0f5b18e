"""A JSON value is an artifact's reference or it is not: what only reads like one is refused."""

from __future__ import annotations

from typing import Any

import pytest
from airlock_contracts.artifacts import ArtifactRef, find_artifacts
from airlock_sdk.artifact import is_reference
from pydantic import ValidationError

GOOD: dict[str, Any] = {"artifact": "sha256:" + "a" * 64, "size": 12, "media_type": "text/plain"}


def test_a_reference_is_found_where_it_stands() -> None:
    assert list(find_artifacts({"a/b": [GOOD]})) == [("/a~1b/0", ArtifactRef(**GOOD))]


@pytest.mark.parametrize("size", [True, "12", 12.0, 12.5, None, -1, 2**40])
def test_a_size_that_is_no_number_of_bytes_is_refused_here_and_is_no_reference_to_an_agent(size: Any) -> None:
    with pytest.raises(ValidationError, match="size"):
        list(find_artifacts(GOOD | {"size": size}))
    assert not is_reference(GOOD | {"size": size})


@pytest.mark.parametrize("media_type", [1, None, "text", "text/plain; charset=utf-8"])
def test_a_media_type_is_a_text_of_two_parts(media_type: Any) -> None:
    with pytest.raises(ValidationError, match="media_type"):
        list(find_artifacts(GOOD | {"media_type": media_type}))
