"""What a file takes from a module is found however it is written, in valid Python and in old one."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.patcher.syntax import tree_of
from airlock_agents.builtin.patcher.taken import taken
from hypothesis import given
from hypothesis import strategies as st

OLD = "print 'Python 2'\n"
NAMES = ["errors", "extras", "Lost", "_x1", "\u00e4rger"]
REMARKS = ["", "  # kept (compat)", "  # )", "  # from any import (", "  #"]


@st.composite
def imports(draw: st.DrawFn) -> tuple[str, set[str]]:
    """An import of some names from a module `any`, and those names."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    asked = [name + draw(st.sampled_from(["", " as a", "  as  _other"])) for name in names]
    start = f"from {draw(st.sampled_from(['any', 'db.any', '.any', '..db.any']))} import"
    match draw(st.sampled_from(["line", "lines", "list"])):
        case "line":
            text = f"{start} {', '.join(asked)}{draw(st.sampled_from(REMARKS))}\n"
        case "lines":
            gap = draw(st.sampled_from([" ", "\t\t"]))
            text = f"{start} \\\n{gap}" + f", \\\n{gap}".join(asked) + "\n"
        case _:
            lines = [f"    {one},{draw(st.sampled_from(REMARKS))}\n" for one in asked]
            text = f"{start} ({draw(st.sampled_from(REMARKS))}\n{''.join(lines)})\n"
    if draw(st.booleans()):
        text = f"if x:\n  {text}"
    return text, set(names)


@given(imports())
def test_every_spelling_of_an_import_is_read(written: tuple[str, set[str]]) -> None:
    text, names = written
    assert tree_of(text) is not None
    assert taken("x.py", text, {"any"}) == {("any", name) for name in names}
    assert taken("x.py", OLD + text, {"any"}) >= {("any", name) for name in names}


@pytest.mark.parametrize(
    "text",
    ["import other\nother.errors\n", "from .other import errors\n", "anything.errors\n", "any = 1\n", OLD],
)
def test_what_is_taken_from_others_is_not_said(text: str) -> None:
    assert taken("x.py", text, {"any"}) == set()


def test_a_folder_is_the_module_that_its_files_import_from() -> None:
    assert taken("shop/db/x.py", "from . import errors\n", {"db"}) == {("db", "errors")}
    assert taken("shop/db/x.py", "from .. import errors\n", {"shop"}) == {("shop", "errors")}
    assert taken("x.py", "from ....... import errors\n", {"shop"}) == set()


@pytest.mark.parametrize("part", ["from a import (\n", "a.", "a as ", "(", "# a\n"])
def test_a_file_made_to_be_slow_takes_no_longer(part: str) -> None:
    text = "from a import Lost\n" + part * (1024 * 1024 // len(part))
    assert ("a", "Lost") in taken("x.py", text, {"a"})
