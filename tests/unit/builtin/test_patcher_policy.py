"""A diff that does more than change plain files inside the workspace is refused, with its line."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.patcher.policy import check
from airlock_sdk import Failure

HUNK = "@@ -1 +1 @@\n-a\n+b\n"


def plain(old: str, new: str) -> str:
    return f"--- {old}\n+++ {new}\n{HUNK}"


def with_header(*header: str, path: str = "x", body: bool = True) -> str:
    lines = "".join(f"{line}\n" for line in (f"diff --git a/{path} b/{path}", *header))
    return lines + (plain(f"a/{path}", f"b/{path}") if body else "")


@pytest.mark.parametrize(
    ("diff", "reads", "writes"),
    [
        (plain("a/src/x.py", "b/src/x.py"), {"src/x.py"}, {"src/x.py"}),
        (with_header("index 123abcd..456ef01 100644"), {"x"}, {"x"}),
        (plain("a/my file\t", "b/my file\t"), {"my file"}, {"my file"}),
        (with_header(path="my b/file"), {"my b/file"}, {"my b/file"}),
        (
            "diff --git a/n b/n\nnew file mode 100755\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n",
            {"n"},
            {"n"},
        ),
        (
            "diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
            {"n"},
            {"n"},
        ),
        (
            "diff --git a/p b/q\nsimilarity index 100%\nrename from p\nrename to q\n",
            {"p"},
            {"q"},
        ),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/y\n+++ b/z\n same\n", {"x"}, {"x"}),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", {"x"}, {"x"}),
    ],
)
def test_a_diff_says_what_it_touches(diff: str, reads: set[str], writes: set[str]) -> None:
    touched = check(diff)
    assert (set(touched.reads), set(touched.writes)) == (reads, writes)


@pytest.mark.parametrize(
    ("diff", "rule"),
    [
        (plain("a/../x", "b/../x"), "leads out"),
        (plain("a//etc/passwd", "b//etc/passwd"), "leads out"),
        (plain("/etc/passwd", "/etc/passwd"), "without a/ and b/"),
        (plain("a/x", "b/../../x"), "leads out"),
        (plain("a/d/./x", "b/d/./x"), "leads out"),
        (plain("a/x/", "b/x/"), "spelled plainly"),
        (plain("a/.git/config", "b/.git/config"), ".git"),
        (plain("a/sub/.GIT/hooks/x", "b/sub/.GIT/hooks/x"), ".git"),
        (plain("a/.gitattributes", "b/.gitattributes"), ".git"),
        (plain("a/x\u202ey", "b/x\u202ey"), "controls, quotes"),
        (plain("a/x\\y", "b/x\\y"), "controls, quotes"),
        (plain("a/.gitmodules", "b/.gitmodules"), ".git"),
        (plain('"a/x\\n"', '"b/x\\n"'), "without a/ and b/"),
        (plain("a/x\t2026-01-01", "b/x"), "behind a file's name"),
        ("--- /dev/null\n+++ /dev/null\n" + HUNK, "nothing to nothing"),
        (with_header("old mode 100644", "new mode 100755"), "change of modes"),
        (with_header("new file mode 120000"), "links"),
        (with_header("new file mode 160000"), "submodules"),
        (with_header("deleted file mode 120000"), "links"),
        (with_header("GIT binary patch", body=False), "binary"),
        (with_header("Binary files a/x and b/x differ", body=False), "binary"),
        ("a\0b\n", "binary"),
        (with_header("rename from x", "rename to ../y"), "disagrees"),
        ("diff --git a/p b/../q\nrename from p\nrename to ../q\n", "leads out"),
        ("diff --git a/p b/p\n--- a/q\n+++ b/q\n" + HUNK, "disagree"),
        ("From: somebody\n" + plain("a/x", "b/x"), "neither a header nor a hunk"),
        (plain("a/x", "b/x") + "GIT binary patch\n", "neither a header nor a hunk"),
        (plain("a/x", "b/x") + "rename to y\n", "neither a header nor a hunk"),
        ("--- a/x\n+++ b/x\n", "without a hunk"),
        ("--- a/x\n" + HUNK, "should start with"),
        ("--- a/x\n+++ b/x\n@@ -1,3 +1 @@\n-a\n+b\n", "disagrees with its counts"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n-b\n", "disagrees with its counts"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b", "ends with a newline"),
        ("".join(plain(f"a/{n}", f"b/{n}") for n in range(501)), "500 files"),
    ],
)
def test_a_diff_that_does_more_is_refused_by_its_rule(diff: str, rule: str) -> None:
    with pytest.raises(Failure) as caught:
        check(diff)
    assert caught.value.code == "agent.diff_refused"
    assert rule in caught.value.message
