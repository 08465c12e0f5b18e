"""What a run gave is what its outputs name, and not what it was given."""

from __future__ import annotations

from typing import Any

from airlock_client.results import named_files


def reference(digit: str, media_type: str = "application/x-tar") -> dict[str, Any]:
    return {"artifact": f"sha256:{digit * 64}", "size": 1, "media_type": media_type}


def test_a_workspace_that_came_with_the_context_is_no_result() -> None:
    context = {"workspace": reference("a")}
    unchanged = {"apply": {"workspace": reference("a"), "rollback": reference("b", "text/x-diff")}}
    assert [one.name for one in named_files(unchanged, context)] == ["apply-rollback.diff"]
    patched = {"apply": {"workspace": reference("c")}}
    assert [one.name for one in named_files(patched, context)] == ["apply-workspace.tar"]


def test_each_file_has_a_name_of_its_own() -> None:
    outputs = {"a-b": {"c": reference("a")}, "a": {"b-c": reference("b"), "b_c": reference("c")}}
    names = [one.name for one in named_files(outputs, None)]
    assert names == ["a-b-c.tar", "a-b-c-2.tar", "a-b_c.tar"]
