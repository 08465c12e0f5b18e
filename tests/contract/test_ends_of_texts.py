"""A text that ends with a line break is another text: what looks like a reference or a duration is none."""

from __future__ import annotations

import pytest
from airlock_contracts.artifacts import is_artifact
from airlock_contracts.workflow import Duration
from pydantic import TypeAdapter, ValidationError

REFERENCE: dict[str, object] = {"artifact": f"sha256:{'0' * 64}", "size": 1, "media_type": "text/plain"}


def test_a_digest_with_a_line_break_behind_it_refers_to_nothing() -> None:
    assert is_artifact(REFERENCE)
    assert not is_artifact(REFERENCE | {"artifact": f"{REFERENCE['artifact']}\n"})


def test_a_duration_with_a_line_break_behind_it_is_refused() -> None:
    durations = TypeAdapter(Duration)
    assert durations.validate_python("30s").total_seconds() == 30
    with pytest.raises(ValidationError, match="a duration is a whole number and a unit"):
        durations.validate_python("30s\n")
