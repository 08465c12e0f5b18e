"""An import that another file needs is not unused, whatever a tool says of its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airlock_agents.builtin.patcher.imports import imported
from airlock_agents.builtin.patcher.proposal import Done, propose
from airlock_agents.builtin.patcher.request import MEMORY, sort

USES = "print(extras)\n"


def unused(file: str, line: int, text: str = "") -> dict[str, Any]:
    """An unused import as code-reviewer reports it."""
    put = {"start_line": line, "end_line": line, "text": text}
    return {"id": "i-1", "rule": "F401", "file": file, "line": line, "type": "quality", "replacement": put}


def proposed(root: Path, issue: dict[str, Any], files: dict[str, str]) -> Done:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (done,) = propose(root, sort(root, {"issues": [issue], "kinds": ["quality"]}))
    return done


def test_an_import_that_nobody_needs_goes(tmp_path: Path) -> None:
    files = {
        "db/any.py": "from psycopg2 import errors, extras\n" + USES,
        "db/other.py": "from .some import errors\n",
    }
    done = proposed(tmp_path, unused("db/any.py", 1, "from psycopg2 import extras"), files)
    assert done.fixed == ["i-1"], done.unfixed


@pytest.mark.parametrize(
    "other",
    [
        "from .any import errors\n",
        "from db.any import (\n    extras,  # (what\n    errors as e,\n)\n",
        "from db.any import (\n    extras,  # kept (compat)\n    errors,\n)\n",
        "import db.any as known\nknown.errors.Lost\n",
        "from db import any as known\nknown.errors.Lost\n",
        "from . import any as known\nprint((known\n       .errors))\n",
        "import db.any\nprint((db.any\n       .errors))\n",
        "from db import any as known\npatch.object(known, 'errors')\n",
        "\ufefffrom db.any import errors\n",
        "print 'Python 2'\nfrom db.any import (extras,  # kept (compat)\n    errors)\n",
        "    from db.any import extras, \\\n        errors\n",
        "from db.any import *\n",
        "from . import any\nany.errors.Lost\n",
        "patch('db.any.errors')\n",
    ],
)
def test_an_import_that_another_file_takes_stays(tmp_path: Path, other: str) -> None:
    files = {"db/any.py": "from psycopg2 import errors, extras\n" + USES, "db/other.py": other}
    done = proposed(tmp_path, unused("db/any.py", 1, "from psycopg2 import extras"), files)
    assert done.diff == ""
    assert done.unfixed == [("i-1", "db/other.py takes errors from here")]


@pytest.mark.parametrize("text", ["from psycopg2 import errors, extras\n", "import errors\n"])
def test_a_mark_before_the_text_hides_no_import(tmp_path: Path, text: str) -> None:
    files = {"db/any.py": f"\ufeff{text}{USES}", "db/other.py": "from .any import errors\n"}
    done = proposed(tmp_path, unused("db/any.py", 1, "from psycopg2 import extras"), files)
    assert done.diff == ""
    assert done.unfixed == [("i-1", "db/other.py takes errors from here")]


def test_that_a_file_names_itself_hides_no_other_one(tmp_path: Path) -> None:
    text = f"from psycopg2 import errors, extras\nprint('any.errors')\n{USES}"
    files = {"db/any.py": text, "db/other.py": "from .any import errors\n"}
    done = proposed(tmp_path, unused("db/any.py", 1, "from psycopg2 import extras"), files)
    assert done.unfixed == [("i-1", "db/other.py takes errors from here")]


def test_nobody_can_say_what_a_file_imports_that_is_no_python(tmp_path: Path) -> None:
    done = proposed(tmp_path, unused("any.py", 1), {"any.py": "import errors\nprint 'x'\n"})
    assert done.unfixed == [("i-1", "the file is not valid Python 3")]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("a.py", "import b\n__all__ = ['b']\n", "__all__ names b"),
        ("a.py", "import b\n__all__ += ['b']\n", "__all__ names b"),
        ("a.py", "import b\n__all__: list[str] = ['b']\n", "__all__ names b"),
        ("a.py", "import b\n__all__.extend(['b'])\n", "__all__ names b"),
        ("a.py", "import b  # re-exported\n", "a comment says"),
        ("a.py", "# For backwards compatibility.\nimport b\n", "a comment says"),
        ("a/__init__.py", "import b\n", "__init__"),
    ],
)
def test_an_import_for_others_stays(tmp_path: Path, file: str, text: str, said: str) -> None:
    line = text.splitlines().index(next(one for one in text.splitlines() if one.startswith("import"))) + 1
    done = proposed(tmp_path, unused(file, line), {file: text})
    assert done.diff == ""
    assert said in done.unfixed[0][1]


def test_a_file_that_cannot_be_parsed_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'x'\nfrom any import errors\n")
    (tmp_path / "bytes.py").write_bytes(b"\xff\nfrom any import extras\n")
    (tmp_path / "gone.py").symlink_to("/nowhere")
    found = imported(tmp_path, {"any"}, memory=MEMORY)
    assert found == {("any", "errors"): ["old.py"], ("any", "extras"): ["bytes.py"]}
