"""Whatever is done to a diff: it changes plain files inside the workspace exactly as it says, or nothing."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from airlock_agents.builtin.patcher import application
from airlock_agents.builtin.patcher.application import apply
from airlock_agents.builtin.patcher.diff import file_diff
from airlock_agents.builtin.patcher.tree import MAX_FILE_BYTES
from airlock_sdk import Failure
from airlock_sdk.workspace import pack
from hypothesis import given, settings
from hypothesis import strategies as st

FILES = {
    "app.py": "".join(f"line {number}\n" for number in range(20)),
    "sub dir/a b.txt": "one\ntwo\nthree",
    "sub dir/\u00fcml\u00e4ut.txt": "eins\r\nzwei\r\n",
    "empty": "",
}


@contextmanager
def a_tree() -> Iterator[tuple[Path, Path]]:
    """A workspace, and a scratch folder beside it."""
    with TemporaryDirectory() as folder:
        root = Path(folder, "tree")
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text.encode())
        scratch = Path(folder, "scratch")
        scratch.mkdir()
        yield root, scratch


def digest(root: Path) -> str:
    return pack(root, io.BytesIO()).digest


def refusal(diff: str, root: Path, scratch: Path) -> Failure:
    before = digest(root)
    with pytest.raises(Failure) as caught:
        apply(diff, root, scratch)
    assert digest(root) == before
    return caught.value


VALID = (
    file_diff(
        "app.py", FILES["app.py"], FILES["app.py"].replace("line 3\n", "").replace("line 15", "LINE 15")
    )
    + file_diff("sub dir/a b.txt", FILES["sub dir/a b.txt"], None)
    + file_diff("sub dir/\u00fcml\u00e4ut.txt", "eins\r\nzwei\r\n", "eins\r\ndrei\r\n")
    + file_diff("new/tool.sh", None, "#!/bin/sh\n", executable=True)
    + file_diff("empty", "", "now\n")
)
SPITE = """
../|/|a/|b/|/dev/null|C:|%2e%2e/|.git/|"|\\|\t|\r|\0|\u202e|-|+| |1|0|9|,|@@ -1 +1 @@
|old mode 100644
|new mode 100755
|new file mode 120000
|rename from app.py
|copy to x
|GIT binary patch
|@@ -0,0 +1 @@
|--- a/app.py
|+++ b/../x
|+++ b/x
|\\ No newline at end of file
|diff --git a/app.py b/app.py
""".split("|")


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        lines = text.splitlines(keepends=True)
        at = draw(st.integers(0, max(0, len(lines) - 1)))
        to = draw(st.integers(0, max(0, len(lines) - 1)))
        place = draw(st.integers(0, len(text)))
        text = draw(
            st.sampled_from(
                [
                    "".join(lines[:at] + lines[at + 1 :]),
                    "".join([*lines[:at], *lines[at : at + 1], *lines[at:]]),
                    "".join([*lines[:at], *lines[to : to + 1], *lines[at:]]),
                    "".join(lines[:at] + lines[at : at + 9] + lines[at:]),
                    text[:place] + draw(st.sampled_from(SPITE)) + text[place:],
                    "".join(lines[:at]) + draw(st.sampled_from(SPITE)) + "".join(lines[at:]),
                    text[:place] + text[place + 1 :],
                ]
            )
        )
    return text


@settings(max_examples=200)
@given(diff=mutated())
def test_a_mutated_diff_is_refused_whole_or_can_be_taken_back(diff: str) -> None:
    with a_tree() as (root, scratch):
        before = digest(root)
        beside = sorted(os.listdir(root.parent))
        applied = None
        code = "applied"
        try:
            applied = apply(diff, root, scratch)
        except Failure as failure:
            code = failure.code
        assert code in ("applied", "agent.diff_refused", "agent.diff_does_not_apply")
        if applied is not None:
            apply(applied.rollback.decode(), root, scratch)
        assert digest(root) == before
        assert sorted(os.listdir(root.parent)) == beside


def test_a_hunk_stands_where_it_says_or_does_not_apply() -> None:
    diff = "--- a/app.py\n+++ b/app.py\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+LINE 5\n line 6\n"
    with a_tree() as (root, scratch):
        failure = refusal(diff, root, scratch)
        assert failure.code == "agent.diff_does_not_apply"
        details = {"file": "app.py", "line": 4, "why": "line 4 of the file is another one"}
        assert failure.details == details
        apply(diff.replace("-4,3 +4,3", "-5,3 +5,3"), root, scratch)
        assert "LINE 5" in (root / "app.py").read_text()


@pytest.mark.parametrize(
    ("diff", "why"),
    [
        (file_diff("missing", "a\n", "b\n"), "no such file"),
        (file_diff("app.py", None, "b\n"), "such a file already"),
        (file_diff("sub dir", "a\n", "b\n"), "folder"),
        (file_diff("sub dir", None, "b\n"), "folder"),
        (file_diff("app.py/x", None, "b\n"), "below another file"),
        (file_diff("n", None, "b\n") + file_diff("n/x", None, "b\n"), "below another file"),
        (file_diff("app.py", "line 0\n", None), "more than the diff removes"),
        ("--- a/app.py\n+++ b/app.py\n@@ -90 +90 @@\n-a\n+b\n", "fewer lines"),
        (
            "--- a/app.py\n+++ b/app.py\n@@ -20 +20 @@\n-line 19\n\\ No newline at end of file\n+b\n",
            "another",
        ),
    ],
)
def test_a_diff_for_another_tree_says_where_it_does_not_fit(diff: str, why: str) -> None:
    with a_tree() as (root, scratch):
        failure = refusal(diff, root, scratch)
        assert failure.code == "agent.diff_does_not_apply"
        assert why in failure.details["why"]


def test_a_line_in_the_middle_of_a_file_ends() -> None:
    diff = "--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-line 0\n+LINE 0\n\\ No newline at end of file\n"
    with a_tree() as (root, scratch):
        assert refusal(diff, root, scratch).details["rule"] == "newline"


def test_nothing_is_read_or_written_through_a_link() -> None:
    with a_tree() as (root, scratch):
        secret = root.parent / "secret"
        secret.mkdir()
        (secret / "key").write_text("a\n")
        (root / "linked").symlink_to(secret)
        (root / "link").symlink_to(secret / "key")
        (root / "dangling").symlink_to(root.parent / "made")
        for diff in (
            file_diff("linked/key", "a\n", "b\n"),
            file_diff("linked/new", None, "b\n"),
            file_diff("link", "a\n", "b\n"),
            file_diff("link", "a\n", None),
            file_diff("dangling", None, "b\n"),
        ):
            assert refusal(diff, root, scratch).details["rule"] == "link"
        assert sorted(os.listdir(root.parent)) == ["scratch", "secret", "tree"]
        assert (secret / "key").read_text() == "a\n"
        assert os.listdir(secret) == ["key"]


@pytest.mark.parametrize("path", ["APP.py", "Sub Dir/x", "sub dir/u\u0308mla\u0308ut.txt"])
def test_a_new_name_must_differ_in_more_than_case_from_those_that_are_there(path: str) -> None:
    with a_tree() as (root, scratch):
        failure = refusal(file_diff(path, None, "x\n"), root, scratch)
        assert (failure.details["rule"], failure.details["file"]) == ("case", path)


@pytest.mark.parametrize("after", ["#!/bin/sh\ntrue\n", None])
def test_a_mode_that_the_file_does_not_have_is_a_lie(after: str | None) -> None:
    with a_tree() as (root, scratch):
        (root / "run.sh").write_text("#!/bin/sh\n")
        (root / "run.sh").chmod(0o755)
        diff = file_diff("run.sh", "#!/bin/sh\n", after)
        if after is not None:
            diff = diff.replace("--- a", "index 1234567..89abcde 100644\n--- a")
        assert refusal(diff, root, scratch).details["rule"] == "mode"
        apply(diff.replace("100644", "100755"), root, scratch)


def test_a_huge_file_is_not_patched() -> None:
    with a_tree() as (root, scratch):
        (root / "huge").write_bytes(b"a\n" * (MAX_FILE_BYTES // 2 + 1))
        failure = refusal("--- a/huge\n+++ b/huge\n@@ -1 +1 @@\n-a\n+b\n", root, scratch)
        assert failure.details["rule"] == "too-large"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".config/git/attributes", "* text eol=crlf\n"),
        (".config/git/config", "[core]\n\tautocrlf = true\n"),
        (".gitconfig", "[apply]\n\twhitespace = error-all\n"),
    ],
)
def test_settings_of_git_that_the_workspace_holds_are_files_like_others(name: str, text: str) -> None:
    touched = file_diff(name, text, f"# mine\n{text}") + file_diff("app.py", FILES["app.py"], "one \n")
    with a_tree() as (root, scratch):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        apply(touched, root, scratch)
        assert (root / "app.py").read_bytes() == b"one \n"


def test_what_git_would_read_in_another_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def other_git(diff: str, tree: Path) -> None:
        (tree / "beside").write_text("made by git alone\n")

    monkeypatch.setattr(application, "_git_apply", other_git)
    with a_tree() as (root, scratch):
        assert refusal(VALID, root, scratch).details["rule"] == "git-differs"
