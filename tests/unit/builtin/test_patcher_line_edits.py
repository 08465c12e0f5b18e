"""Lines that another agent's tool was sure of are put in place, beside the patcher's own fixes."""

from __future__ import annotations

from pathlib import Path

import pytest
from airlock_agents.builtin.patcher.diff import file_diff
from airlock_agents.builtin.patcher.line_edits import LineEdit, line_edit, put_lines
from airlock_agents.builtin.patcher.proposal import propose
from airlock_agents.builtin.patcher.request import Asked, sort
from hypothesis import assume, given
from hypothesis import strategies as st

SOURCE = b"import os\nimport sys\nif x == None:\n    print(1)\nelse:\n    print(2)\n"


def test_lines_are_replaced_by_more_by_fewer_and_by_none() -> None:
    edits = [
        LineEdit("a", 3, 3, "if x is None:\n    # so"),
        LineEdit("b", 5, 6, "x = 1"),
        LineEdit("c", 1, 1, ""),
    ]
    put = put_lines(SOURCE, edits, python=True)
    assert put.source == b"import sys\nif x is None:\n    # so\n    print(1)\nx = 1\n"
    assert put.fixed == ["a", "b", "c"]
    assert [put.line_now(line) for line in range(1, 8)] == [None, 1, None, 4, None, None, 6]


@pytest.mark.parametrize(
    ("source", "edits", "reasons"),
    [
        (SOURCE, [LineEdit("a", 2, 3, "if y:"), LineEdit("b", 3, 4, "x")], ["", "same lines"]),
        (SOURCE, [LineEdit("a", 7, 7, "x")], ["fewer lines"]),
        (SOURCE, [LineEdit("a", 3, 3, "if x is None")], ["not be valid Python"]),
        (b"a = 1\rb = 2\n", [LineEdit("a", 1, 1, "x")], ["in another way"]),
        (b"a = '\xe9'\n", [LineEdit("a", 1, 1, "x")], ["UTF-8"]),
    ],
)
def test_what_does_not_fit_is_left_alone(source: bytes, edits: list[LineEdit], reasons: list[str]) -> None:
    put = put_lines(source, edits, python=True)
    said = dict(put.unfixed)
    for edit, reason in zip(edits, reasons, strict=True):
        assert reason in said.get(edit.id, "") if reason else edit.id in put.fixed
    if not put.fixed:
        assert put.source == source


def test_a_file_keeps_its_line_ends() -> None:
    assert put_lines(b"a\r\nb", [LineEdit("a", 2, 2, "c\nd")], python=False).source == b"a\r\nc\r\nd"
    assert put_lines(b"a\r\nb\r\n", [LineEdit("a", 1, 1, "c\nd")], python=False).source == b"c\r\nd\r\nb\r\n"


ENDS = st.sampled_from(["\n", "\r\n"])
WRITTEN = st.lists(
    st.tuples(st.sampled_from(["", "a", "b", "c = 1", " \u00e4"]), ENDS), min_size=1, max_size=8
)


@given(written=WRITTEN, whole=st.booleans(), data=st.data())
def test_whatever_ends_lines_only_what_an_edit_means_changes(
    written: list[tuple[str, str]], whole: bool, data: st.DataObject
) -> None:
    if not whole:  # no newline at the end
        written[-1] = ("last", "")
    lines = [body + end for body, end in written]
    start = data.draw(st.integers(1, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    bodies = [body for body, _ in written[start - 1 : end]]
    new = data.draw(st.lists(st.sampled_from(["new", *bodies]), min_size=1, max_size=4))
    assume(new != [""])  # no text: the lines would go

    put = put_lines("".join(lines).encode(), [LineEdit("a", start, end, "\n".join(new))], python=False)

    before, after = "".join(lines[: start - 1]), "".join(lines[end:])
    result = put.source.decode()
    assert result.startswith(before)
    assert result.endswith(after)
    middle = result[len(before) : len(result) - len(after)]
    last = written[end - 1][1]
    assert middle.replace("\r\n", "\n") == "\n".join(new) + ("\n" if last else "")
    assert middle.endswith(last)
    if new == bodies:
        assert middle == "".join(lines[start - 1 : end])


def test_a_line_keeps_its_own_end_among_others() -> None:
    source = b"a\nb\r\nc\n"
    assert put_lines(source, [LineEdit("x", 1, 1, "A")], python=False).source == b"A\nb\r\nc\n"
    assert put_lines(source, [LineEdit("x", 2, 2, "B")], python=False).source == b"a\nB\r\nc\n"
    assert put_lines(source, [LineEdit("x", 1, 3, "b\nc")], python=False).source == b"b\r\nc\n"


@pytest.mark.parametrize(
    ("file", "text", "asked", "after"),
    [
        (
            "a.py",
            "import os\nx = 1\n",
            {
                "issues": [
                    {
                        "id": "i",
                        "rule": "E1",
                        "file": "a.py",
                        "replacement": {"start_line": 1, "end_line": 1, "text": "import re"},
                    }
                ],
                "kinds": ["quality"],
            },
            "import re\nx = 1\n",
        ),
        (
            "settings.py",
            "SESSION_COOKIE_SECURE = False\nROOT_URLCONF = 'a'\n",
            {
                "violations": [
                    {"id": "v", "rule": "headers.cookie-insecure", "file": "settings.py", "line": 1}
                ]
            },
            "SESSION_COOKIE_SECURE = True\nROOT_URLCONF = 'a'\n",
        ),
        (
            "b.py",
            "import yaml\nyaml.load(x)\n",
            {"findings": [{"id": "f", "rule": "B506", "file": "b.py", "line": 2}]},
            "import yaml\nyaml.safe_load(x)\n",
        ),
        (
            "c.json",
            '{"a": 1}',
            {"configuration": [{"kind": "value", "file": "c.json", "path": ["a"], "value": 2}]},
            '{"a": 2}',
        ),
        (
            "requirements.txt",
            "jinja2==2.10\n",
            {"dependencies": [{"name": "jinja2", "to": "2.11"}]},
            "jinja2==2.11\n",
        ),
        ("d.txt", "a b\n", {"replacements": [{"file": "d.txt", "find": "a", "replace": "c"}]}, "c b\n"),
        (
            "e.txt",
            "a\n",
            {"replacements": [{"file": "e.txt", "find": "\ufeffa", "replace": "\ufeffb"}]},
            "b\n",
        ),
    ],
)
def test_a_mark_before_the_text_stays_and_is_no_part_of_its_first_line(
    tmp_path: Path, file: str, text: str, asked: Asked, after: str
) -> None:
    (tmp_path / file).write_text(f"\ufeff{text}")
    (done,) = propose(tmp_path, sort(tmp_path, asked))
    assert done.unfixed == []
    assert done.diff == file_diff(file, f"\ufeff{text}", f"\ufeff{after}")


@pytest.mark.parametrize(
    "put",
    [
        None,
        "x",
        {},
        {"start_line": 0, "end_line": 1, "text": ""},
        {"start_line": 2, "end_line": 1, "text": ""},
    ],
)
def test_what_is_no_replacement_is_none(put: object) -> None:
    assert line_edit({"id": "a", "replacement": put}) is None


def test_both_kinds_of_fixes_meet_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os\nimport yaml\n\nif a == None:\n    b = yaml.load(c)\nd = yaml.load(e)\n"
    )
    gone = {"start_line": 1, "end_line": 1, "text": ""}
    put = {"start_line": 4, "end_line": 5, "text": "if a is None:\n    b = yaml.load(c)"}
    issues = [
        {"id": "i-1", "rule": "F401", "file": "app.py", "line": 1, "replacement": gone},
        {"id": "i-2", "rule": "E711", "file": "app.py", "line": 4, "replacement": put},
    ]
    findings = [
        {"id": f"f-{line}", "rule": "B506", "file": "app.py", "line": line, "tool": "bandit"}
        for line in (5, 6)
    ]
    asked: Asked = {"findings": findings, "issues": issues, "kinds": ["security", "quality"]}
    (done,) = propose(tmp_path, sort(tmp_path, asked))
    assert done.fixed == ["i-1", "i-2", "f-6"]
    ((left, reason),) = done.unfixed
    assert left == "f-5"
    assert "propose again" in reason
    assert "-d = yaml.load(e)\n+d = yaml.safe_load(e)\n" in done.diff
    assert "-import os\n" in done.diff
