"""One answer to whose code it is, for all agents that look at code."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.code_reviewer.selection import Selection
from airlock_agents.builtin.compliance_checker.licences.dependencies import declares_dependencies
from airlock_agents.builtin.findings.files import Source
from airlock_agents.builtin.findings.others import OTHERS_FOLDERS, is_others, others_folder


@pytest.mark.parametrize("folder", sorted(OTHERS_FOLDERS))
def test_the_reviewer_leaves_out_what_the_checker_takes_for_others_code(folder: str) -> None:
    (left_out,) = Selection().chosen([Source(f"web/{folder}/tea/pot.py", python=True)])
    assert left_out == Source(f"web/{folder}", skipped="1 files that others wrote; paths may ask for them")
    assert declares_dependencies(f"web/{folder}/tea/package.json")


def test_a_file_called_like_such_a_folder_is_ones_own() -> None:
    assert not is_others("src/vendor")
    assert not is_others("src/vendors/a.py")
    assert others_folder("a/third_party/node_modules/b.c") == "a/third_party"
