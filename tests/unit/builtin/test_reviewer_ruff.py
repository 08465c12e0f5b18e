"""Ruff on hostile files: our rules, none of the workspace's wishes, and a crash costs one file."""

from __future__ import annotations

from pathlib import Path

import pytest
from airlock_agents.builtin.code_reviewer.issue import Issue, Replacement
from airlock_agents.builtin.code_reviewer.ruff_checks import lint
from airlock_agents.builtin.code_reviewer.sieve import Wish
from airlock_agents.builtin.findings.collection import MAX_PER_FILE
from airlock_agents.builtin.findings.finding import Inspected


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def linted(root: Path, scratch: Path, files: dict[str, str | bytes]) -> dict[str, Inspected]:
    for name, content in files.items():
        path = root / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return {one.file: one for one in lint(root / "tree", scratch, sorted(files), Wish())}


def test_an_issue_says_what_why_and_what_to_do(tmp_path: Path, scratch: Path) -> None:
    (found,) = linted(tmp_path, scratch, {"a.py": "import os\nx = 1\n"})["a.py"].findings
    assert isinstance(found, Issue)
    assert (found.rule, found.line, found.type, found.tool) == ("F401", 1, "quality", "ruff")
    assert found.message == "`os` imported but unused. It misleads readers, and importing takes time."
    assert found.suggestion == "Remove the import."
    assert found.replacement == Replacement(1, 1, "")


def test_the_workspace_chooses_nothing_and_what_it_silences_is_marked(tmp_path: Path, scratch: Path) -> None:
    files: dict[str, str | bytes] = {
        "ruff.toml": "lint.select = []\nexclude = ['*']\n",
        "pyproject.toml": "[tool.ruff]\nexclude = ['*']\n",
        ".gitignore": "*\n",
        "all.py": "# ruff: noqa\nimport os\n",
        "line.py": "import os  # noqa: F401\nimport re\n",
        "range.py": "# ruff: disable[F401]\nimport os\n# ruff: enable[F401]\nimport re\n",
        "flake.py": "# flake8: noqa\nimport os\n",
    }
    (scratch / "ruff.toml").write_text("[lint.per-file-ignores]\n'*' = ['F401']\n")  # above what ruff reads
    found = linted(tmp_path, scratch, files)
    marks = {name: [one.suppressed for one in found[name].findings] for name in files if name.endswith(".py")}
    assert marks == {
        "all.py": [True],
        "flake.py": [True],
        "line.py": [True, False],
        "range.py": [True, False],
    }


def test_a_file_that_brings_ruff_down_costs_only_itself(tmp_path: Path, scratch: Path) -> None:
    files: dict[str, str | bytes] = {f"f{n}.py": "import os\n" for n in range(9)}
    files["f4.py"] = "x = a" + ".b" * 300_000 + "\n"
    found = linted(tmp_path, scratch, files)
    assert found["f4.py"].skipped == "it brought ruff down"
    assert all(len(one.findings) == 1 for name, one in found.items() if name != "f4.py")
    assert list(scratch.rglob("*.py")) == []


def test_strange_names_and_encodings_are_read(tmp_path: Path, scratch: Path) -> None:
    files: dict[str, str | bytes] = {
        "--fix.py": "import os\n",
        "-": "import os\n",
        "latin.py": "# coding: latin-1\nname = 'Müller'\nimport os\n".encode("latin-1"),
        "returns.py": b"x = 1\r\nimport os\ry = 2\n",
        "two words.py": "import os\n",
    }
    found = linted(tmp_path, scratch, files)
    assert {name: [(one.rule, one.line) for one in each.findings] for name, each in found.items()} == {
        "--fix.py": [("F401", 1)],
        "-": [("F401", 1)],
        "latin.py": [("F401", 3)],
        "returns.py": [("F401", 2)],
        "two words.py": [("F401", 1)],
    }
    assert (tmp_path / "tree" / "--fix.py").read_text() == "import os\n"


def test_what_is_done_on_purpose_is_not_told(tmp_path: Path, scratch: Path) -> None:
    files: dict[str, str | bytes] = {
        "package/__init__.py": "from .a import b\n",
        "tests/test_a.py": "import datetime\nassert list(range(3))[0] == 0\ndatetime.datetime.now()\n",
        "look.py": "try:\n    import uvloop\nexcept ImportError:\n    fast = False\nelse:\n    fast = True\n",
    }
    assert all(one.findings == () for one in linted(tmp_path, scratch, files).values())


def test_no_literal_of_the_code_is_told(tmp_path: Path, scratch: Path) -> None:
    secret = "kV7-tulip-orbit-92"
    code = (
        f"d = {{'{secret}': 1, '{secret}': 2}}\n"
        f"x = '{secret}' or d\n"
        f"if 1 == 2 and '{secret}' == '{secret}':\n    pass\n"
        f"y = list('{secret}')[0]\n"
        f"z = {{'{secret}': a for a in d}}\n"
        f"w = f'{secret}'\n"
        f"'{secret}'.strip('{secret}')\n"
        f"assert '{secret}'\n"
        f"open('a', '{secret}')\n"
        f"v = '%d' % '{secret}'\n"
        f"u = '{secret}'['{secret}']\n"
    )
    issues = linted(tmp_path, scratch, {"a.py": code})["a.py"].findings
    assert len(issues) >= 6
    assert secret not in "".join(f"{one.shown()}{one.anchor}" for one in issues)


def test_of_a_file_full_of_small_remarks_all_are_counted_and_the_loud_one_at_its_end_is_kept(
    tmp_path: Path, scratch: Path
) -> None:
    small = "import a\n" * (MAX_PER_FILE + 10)
    one = linted(tmp_path, scratch, {"a.py": small + "print(undefined)\n"})["a.py"]
    assert len(one.findings) == MAX_PER_FILE
    assert one.findings[0].rule == "F821"
    assert one.counts["total"] > MAX_PER_FILE
    assert one.skipped is None


def test_a_name_that_only_python_2_had_is_no_alarm_and_one_that_nobody_has_is(
    tmp_path: Path, scratch: Path
) -> None:
    code = "def f(x):\n    return unicode(x)\n\n\ndef g():\n    return unicorn\n"
    found = linted(tmp_path, scratch, {"a.py": code})["a.py"].findings
    assert [(one.line, one.severity) for one in found if one.rule == "F821"] == [(6, "HIGH"), (2, "LOW")]


def test_a_name_that_a_program_puts_into_its_configuration_is_no_alarm(tmp_path: Path, scratch: Path) -> None:
    files: dict[str, str | bytes] = {
        "jupyter_config.py": "c.Server.port = 1\n",
        "server.py": "c.Server.port = 1\n",
        "shop.py": "print(_('tea'))\n",
    }
    found = linted(tmp_path, scratch, files)
    assert {name: [one.severity for one in each.findings] for name, each in found.items()} == {
        "jupyter_config.py": ["LOW"],
        "server.py": ["HIGH"],
        "shop.py": ["LOW"],
    }


UNDEFINED = {
    "def f(x: 'Gone') -> None: ...\n": "MEDIUM",
    "def f(x: dict[str, 'a.Gone']) -> None: ...\n": "MEDIUM",
    "from __future__ import annotations\n\ndef f(x: Gone) -> None: ...\n": "MEDIUM",
    "from __future__ import annotations\n\ndef f(\n    x: Gone,\n) -> None: ...\n": "MEDIUM",
    "from __future__ import annotations\n\nclass A:\n    x: Gone\n": "MEDIUM",
    "from __future__ import annotations\n\ndef f(x: int = Gone) -> None: ...\n": "HIGH",
    "from __future__ import annotations\n\nif __name__:\n    print(Gone)\n": "HIGH",
    "def f():\n    return dict(\n        Gone=Gone,\n    )\n": "HIGH",
    "def f():\n    return dict(\n        a=1,\n\n        # why\n        Gone = Gone)\n": "HIGH",
    "def f(x):\n    dict(a=1)  # as above,\n    for a in x:\n        print(late)\n"
    "        late=dict(\n            a=a,\n        )\n        del late\n": "LOW",
    "def f(x: Gone) -> None: ...\n": "HIGH",
    "print(f'{Gone}')\n": "HIGH",
    "print('a', Gone)\n": "HIGH",
    "base = __WHERE_IT_IS__\n": "LOW",
    "import sys\n\nif sys.version_info >= (3, 15):\n    x = frozendict\n": "LOW",
    "def f(x):\n    def inner(y): ...\n    for a in x:\n        if a:\n            print(late)\n"
    "        late = a\n        del late\n": "LOW",
    "def other():\n    Gone = 1\n    return Gone\n\n\ndef f():\n    return Gone\n": "HIGH",
    "def f(x):\n    try:\n        g()\n    except E as e:\n        pass\n    print(e)\n": "HIGH",
}

# Below `from __future__ import annotations`, where a hint may name what is not there, and nothing else may.
POSTPONED = {
    "def f(): return Gone\n": "HIGH",
    "def f(x: int) -> int: return Gone\n": "HIGH",
    "def f(x={1: Gone}): ...\n": "HIGH",
    "def f(x=lambda: Gone): ...\n": "HIGH",
    "x = {\n    f: 1,\n    # why\n\n    f: Gone,\n}\n\n\ndef f(): ...\n": "HIGH",
    "x: int = 1; print(Gone)\n": "HIGH",
    "def f(x: int, y: dict[str, Gone] = {}) -> None: ...\n": "MEDIUM",
    "def f(x: int = 1, *y: Gone) -> None: ...\n": "MEDIUM",
    "def f(x=',:') -> dict[str, Gone]: ...\n": "MEDIUM",
    "def f(\n    x: int,  # (\n    # why\n    y: Gone,\n) -> None: ...\n": "MEDIUM",
    "def f(\n    x: int,\n    y: int, z: Gone) -> None: ...\n": "MEDIUM",
    "def f(\n    x: int,\n) -> Gone: ...\n": "MEDIUM",
    "def f(\n    x: int,\n): return Gone\n": "HIGH",
}
UNDEFINED |= {f"from __future__ import annotations\n\n{code}": said for code, said in POSTPONED.items()}


@pytest.mark.parametrize("code", UNDEFINED)
def test_a_name_that_is_not_there_is_as_grave_as_what_becomes_of_it(
    tmp_path: Path, scratch: Path, code: str
) -> None:
    found = [one for one in linted(tmp_path, scratch, {"a.py": code})["a.py"].findings if one.rule == "F821"]
    # The imagined E and g are told, too.
    assert {one.severity for one in found if "`E`" not in one.message and "`g`" not in one.message} == {
        UNDEFINED[code]
    }
    assert not any("pyproject" in one.message for one in found)


def test_what_is_not_true_of_the_code_is_not_told_and_what_is_done_on_purpose_is_told_softly(
    tmp_path: Path, scratch: Path
) -> None:
    files: dict[str, str | bytes] = {
        "literal.py": "from own.typing import Literal\n\nx: Literal['gone', 'away'] = 'gone'\n",
        "sleeps.py": "import trio\n\n\ndef f(s):\n    return trio.sleep(s)\n",
        "yields.py": "from time import sleep\n\n\nasync def f():\n    sleep(0)\n",
        "names.py": "_MORE = ['a']\n__all__ = ['f', *_MORE]\n\n\ndef f(): ...\n",
        "again.py": "try:\n    print()\nexcept:\n    with print.safe_reraise():\n        print()\n",
        "lost.py": "try:\n    print()\nexcept:\n    print()\n\nprint.reraise()\n",
        "nan.py": "def f(x):\n    return x != x\n",
        "kept.py": "class A:\n    def f(self, name):\n        self.file = open(name)\n",
        "made.py": "import tempfile\n\nx = print(lambda: tempfile.TemporaryFile())\n",
        "slips.py": "def f(x, name):\n    file = open(name)\n    return x < x, file.name\n",
    }
    found = linted(tmp_path, scratch, files)
    about = {"F821", "ASYNC105", "ASYNC251", "E722", "PLE0604", "PLR0124", "SIM115"}
    told = {
        name: [(one.rule, one.severity) for one in each.findings if one.rule in about]
        for name, each in found.items()
    }
    assert told == {
        "literal.py": [],
        "sleeps.py": [],
        "yields.py": [],
        "names.py": [],
        "again.py": [("E722", "LOW")],
        "lost.py": [("E722", "MEDIUM")],
        "nan.py": [("PLR0124", "LOW")],
        "kept.py": [("SIM115", "LOW")],
        "made.py": [("SIM115", "LOW")],
        "slips.py": [("SIM115", "MEDIUM"), ("PLR0124", "MEDIUM")],
    }


def test_what_is_no_python_says_so(tmp_path: Path, scratch: Path) -> None:
    assert linted(tmp_path, scratch, {"a.py": "def f(:\n"})["a.py"].skipped == "not valid Python"
