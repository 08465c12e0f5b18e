"""A diff that does more than change plain files inside the workspace is refused, by rule, line and file."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.patcher.grammar import MAX_BYTES, read
from airlock_agents.builtin.patcher.refusal import SAID
from airlock_sdk import Failure

HUNK = "@@ -1 +1 @@\n-a\n+b\n"
NEW = "@@ -0,0 +1 @@\n+x\n"
GONE = "@@ -1 +0,0 @@\n-x\n"


def plain(old: str, new: str | None = None, hunk: str = HUNK) -> str:
    return f"--- a/{old}\n+++ b/{old if new is None else new}\n{hunk}"


def with_header(*header: str, path: str = "x", body: bool = True) -> str:
    lines = "".join(f"{line}\n" for line in (f"diff --git a/{path} b/{path}", *header))
    return lines + (plain(path) if body else "")


@pytest.mark.parametrize(
    ("diff", "path", "was", "will_be"),
    [
        (plain("src/x.py"), "src/x.py", True, True),
        (with_header("index 123abcd..456ef01 100644"), "x", True, True),
        (plain("my file\t"), "my file", True, True),
        (with_header(path="my b/file"), "my b/file", True, True),
        (plain("100%.txt"), "100%.txt", True, True),
        (plain("a%20b.txt"), "a%20b.txt", True, True),
        (plain(".github/workflows/ci.yml"), ".github/workflows/ci.yml", True, True),
        (f"diff --git a/n b/n\nnew file mode 100755\n--- /dev/null\n+++ b/n\n{NEW}", "n", False, True),
        (f"diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n{GONE}", "n", True, False),
        ("diff --git a/n b/n\nnew file mode 100644\nindex 0000000..e69de29\n", "n", False, True),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/y\n+++ b/z\n same\n", "x", True, True),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", "x", True, True),
    ],
)
def test_a_diff_says_what_becomes_of_a_file(diff: str, path: str, was: bool, will_be: bool) -> None:
    (section,) = read(diff)
    assert (section.path, section.was, section.will_be) == (path, was, will_be)


REFUSED = [
    (plain("../x"), "path-outside", 1),
    (plain("/etc/passwd"), "path-outside", 1),
    ("--- /etc/passwd\n+++ /etc/passwd\n" + HUNK, "names", 1),
    (plain("x", "../../x"), "path-outside", 2),
    (plain("d/./x"), "path-outside", 1),
    (plain("d//x"), "path-outside", 1),
    (plain("C:/Windows/x"), "path-outside", 1),
    (plain("c:x"), "path-outside", 1),
    (plain("x" * 300), "path-outside", 1),
    (plain("%2e%2e/x"), "path-encoded", 1),
    (plain("d/..%2f..%2fx"), "path-encoded", 1),
    (plain("%252e%252e%252fx"), "path-encoded", 1),
    (plain("%2fetc/passwd"), "path-encoded", 1),
    (plain("d/..%5c..%5cx"), "path-encoded", 1),
    (plain("%2egit/config"), "path-encoded", 1),
    (plain("x/"), "path-spelling", 1),
    (plain("./x"), "path-spelling", 1),
    (plain("d\\..\\x"), "path-spelling", 1),
    (plain("x\u202ey"), "path-spelling", 1),
    (plain("x\u200by"), "path-spelling", 1),
    (plain('x"y'), "path-spelling", 1),
    (plain(".git/config"), "path-reserved", 1),
    (plain("sub/.GIT/hooks/x"), "path-reserved", 1),
    (plain(".git./hooks/x"), "path-reserved", 1),
    (plain(".git /hooks/x"), "path-reserved", 1),
    (plain(".git::$INDEX_ALLOCATION/config"), "path-reserved", 1),
    (plain("GIT~1/config"), "path-reserved", 1),
    (plain(".gitattributes"), "path-reserved", 1),
    (plain("sub/.gitmodules"), "path-reserved", 1),
    ('--- "a/x\\n"\n+++ "b/x\\n"\n' + HUNK, "names", 1),
    ('diff --git "a/\\056\\056/x" "b/\\056\\056/x"\n', "names", 1),
    ("--- a/x\t2026-01-01\n+++ b/x\n" + HUNK, "names", 1),
    ("--- x\n+++ x\n" + HUNK, "names", 1),
    ("diff --git a/p b/q\nsimilarity index 100%\nrename from p\nrename to q\n", "names", 1),
    (with_header("rename from x", "rename to y"), "rename", 2),
    (with_header("copy from x", "copy to y"), "rename", 2),
    (with_header("similarity index 100%"), "rename", 2),
    (plain("x", "y"), "rename", 2),
    ("--- /dev/null\n+++ /dev/null\n" + HUNK, "names", 2),
    ("diff --git a/p b/p\n--- a/q\n+++ b/q\n" + HUNK, "names", 4),
    (f"diff --git a/n b/n\nnew file mode 100644\n{plain('n')}", "names", 1),
    (with_header("old mode 100644", "new mode 100755"), "mode", 2),
    (with_header("new file mode 100600"), "mode", 2),
    (with_header("new file mode 104755"), "mode", 2),
    (with_header("new file mode 100644", "deleted file mode 100644"), "mode", 3),
    (with_header("new file mode 100644", "index 0000000..1234567 100755"), "mode", 3),
    (with_header("new file mode 120000"), "link", 2),
    (with_header("deleted file mode 120000"), "link", 2),
    (with_header("new file mode 160000"), "link", 2),
    (with_header("index 1234567..89abcde 160000"), "header", 2),
    (with_header("GIT binary patch", body=False), "binary", 2),
    (with_header("Binary files a/x and b/x differ", body=False), "binary", 2),
    (plain("x") + "GIT binary patch\n", "binary", 6),
    ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\0\n", "binary", 5),
    ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+\udc80\n", "binary", 5),
    ("From: somebody\n" + plain("x"), "header", 1),
    (plain("x") + "rename to y\n", "header", 6),
    (plain("x") + "-- \n2.39.5\n", "header", 6),
    ("--- a/x\n+++ b/x\n", "header", 3),
    ("--- a/x\n" + HUNK, "header", 2),
    ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b", "header", 5),
    ("--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n--a\n++b\n", "header", 3),
    ("--- a/x\n+++ b/x\n@@ -1,3 +1 @@\n-a\n+b\n", "counts", 6),
    ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n-b\n", "counts", 3),
    ("--- a/x\n+++ b/x\n@@ -1 +5 @@\n-a\n+b\n", "counts", 3),
    (plain("x", hunk="@@ -5 +5 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n"), "counts", 6),
    (plain("x", hunk="@@ -1 +1,2 @@\n-a\n+b\n+c\n@@ -5 +5 @@\n-a\n+b\n"), "counts", 7),
    (plain("x", hunk="@@ -1,2 +1,2 @@\n-a\n+b\n c\n@@ -2 +2 @@\n-c\n+d\n"), "counts", 7),
    (plain("x", hunk="@@ -1,99999999999 +1 @@\n-a\n+b\n"), "header", 3),
    ("--- /dev/null\n+++ b/n\n@@ -1 +1 @@\n-a\n+b\n", "counts", 3),
    ("--- a/n\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "counts", 3),
    (plain("x", hunk="@@ -1 +1 @@\n a\n"), "nothing", 3),
    (plain("x", hunk="@@ -0,0 +0,0 @@\n"), "nothing", 3),
    (with_header(body=False), "nothing", 2),
    (plain("x", hunk="@@ -1 +1 @@\n-a\n\\ Kein Zeilenumbruch am Dateiende.\n+b\n"), "header", 5),
    (plain("x", hunk="@@ -1,2 +1 @@\n-a\n\\ No newline at end of file\n-b\n+c\n"), "newline", 6),
    (plain("x", hunk="@@ -1 +1,2 @@\n-a\n+b\n\\ No newline at end of file\n+c\n"), "newline", 7),
    (plain("x", hunk="@@ -1 +1 @@\n-a\n+\n\\ No newline at end of file\n"), "newline", 7),
    (plain("x") + plain("x"), "twice", 6),
    (plain("README.md") + plain("readme.md"), "case", 6),
    (plain("src/a") + plain("Src/b"), "case", 6),
    (plain("stra\u00dfe") + plain("STRASSE"), "case", 6),
    (plain("caf\u00e9") + plain("cafe\u0301"), "case", 6),
    (plain("x", hunk="@@ -1 +1 @@\n-a\n+" + "b" * MAX_BYTES + "\n"), "too-large", 1),
    ("".join(plain(f"{n}") for n in range(2001)), "too-many", 10_001),
]


@pytest.mark.parametrize(("diff", "rule", "line"), REFUSED)
def test_a_diff_that_does_more_is_refused_with_rule_and_line(diff: str, rule: str, line: int) -> None:
    with pytest.raises(Failure) as caught:
        read(diff)
    assert caught.value.code == "agent.diff_refused"
    assert (caught.value.details["rule"], caught.value.details["line"]) == (rule, line)
    assert f"line {line} of the diff" in caught.value.message


def test_a_refusal_names_the_file_it_is_about() -> None:
    with pytest.raises(Failure) as caught:
        read(plain("good") + with_header("old mode 100644", path="bad"))
    assert caught.value.details["file"] == "bad"


def test_every_rule_that_needs_no_tree_is_shown_above() -> None:
    shown = {rule for _, rule, _ in REFUSED}
    assert SAID.keys() - shown == {"git-differs", "other-diff"}
