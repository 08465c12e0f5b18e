"""A review of a part: globs, diffs, and what others wrote."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.code_reviewer.selection import changed_lines, selection
from airlock_agents.builtin.findings.files import Source
from airlock_sdk import Failure

DIFF = """\
diff --git a/shop/a.py b/shop/a.py
--- a/shop/a.py
+++ b/shop/a.py
@@ -1,4 +1,5 @@
 import os
-old = 1
+new = 1
+newer = 2
 def f():
     pass
@@ -20 +21,2 @@ def g():
-    return
+    return 1
++++ b/not-a-file.py
diff --git a/gone.py b/gone.py
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x = 1
"""


def sources(*paths: str) -> list[Source]:
    return [Source(path) for path in paths]


def paths(chosen: list[Source]) -> list[str]:
    return [one.path for one in chosen if one.skipped is None]


def test_a_diff_names_the_lines_that_it_adds_or_changes() -> None:
    assert changed_lines(DIFF) == {"shop/a.py": {2, 3, 21, 22}}


def test_a_form_feed_is_no_end_of_a_line() -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,3 @@\n one\n \x0c two\n+three\n"
    assert changed_lines(diff) == {"a.py": {3}}


def test_where_only_lines_go_the_next_one_counts() -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,2 @@\n x = 1\n-check()\n y = 2\n"
    assert changed_lines(diff) == {"a.py": {2}}


def test_a_diff_chooses_files_and_their_lines() -> None:
    chosen = selection(None, DIFF)
    assert paths(chosen.chosen(sources("shop/a.py", "shop/b.py"))) == ["shop/a.py"]
    assert chosen.lines_of("shop/a.py") == frozenset({2, 3, 21, 22})
    assert chosen.lines_of("shop/b.py") == frozenset()
    assert selection(None, None).lines_of("shop/a.py") is None


def test_names_that_git_quotes_are_read() -> None:
    diff = '--- /dev/null\n+++ "b/stra\\303\\237e \\"x\\".py"\n@@ -0,0 +1 @@\n+x = 1\n'
    assert changed_lines(diff) == {'straße "x".py': {1}}


def test_a_hunk_that_claims_too_much_costs_nothing() -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1,999999999 +1,999999999 @@\n+x = 1\n"
    assert changed_lines(diff) == {"a.py": {1}}


@pytest.mark.parametrize("diff", ["what is this", "@@ -1 +1 @@\n-a\n+b\n"])
def test_what_is_no_diff_is_refused(diff: str) -> None:
    with pytest.raises(Failure) as caught:
        changed_lines(diff)
    assert caught.value.code == "agent.diff_unreadable"


def test_an_empty_diff_changes_nothing() -> None:
    assert paths(selection(None, "").chosen(sources("a.py"))) == []


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("src/*.py", ["src/a.py", "src/deep/b.py"]),
        ("src/", ["src/a.py", "src/deep/b.py", "src/c.js"]),
        ("**/b.py", ["src/deep/b.py"]),
        ("./web/*", []),
        ("*", ["src/a.py", "src/deep/b.py", "src/c.js"]),
        ("src/[ab].py", ["src/a.py"]),
    ],
)
def test_globs_choose_files(glob: str, found: list[str]) -> None:
    assert paths(selection([glob], None).chosen(sources("src/a.py", "src/deep/b.py", "src/c.js"))) == found


def test_what_others_wrote_is_one_entry_unless_it_is_asked_for() -> None:
    all_files = sources(
        "a.js", "web/node_modules/x/a.js", "web/node_modules/y.js", "a_pb2.py", "lib/j.min.js"
    )
    chosen = selection(None, None).chosen(all_files)
    assert paths(chosen) == ["a.js"]
    assert [(one.path, one.skipped) for one in chosen if one.skipped] == [
        ("a_pb2.py", "made by a tool; paths may ask for it"),
        ("lib/j.min.js", "made by a tool; paths may ask for it"),
        ("web/node_modules", "2 files that others wrote; paths may ask for them"),
    ]
    asked = selection(["web/node_modules/"], None).chosen(all_files)
    assert paths(asked) == ["web/node_modules/x/a.js", "web/node_modules/y.js"]
