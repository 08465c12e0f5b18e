"""Checks of other languages: what stands outside of comments and strings counts, and nothing else."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.code_reviewer.languages import blanked, language_of
from airlock_agents.builtin.code_reviewer.other_languages import other_languages


def told(path: str, text: str, *, in_tests: bool = False) -> list[tuple[str, int]]:
    language = language_of(path, text)
    code = blanked(text, language)[0] if language is not None else text
    return [(hit.rule, hit.line) for hit in other_languages(text, code, language, in_tests=in_tests)]


BROKEN = [
    ("a.js", "x();\ndebugger;\n", [("debugger-left", 2)]),
    ("a.ts", "console.log(a);\n", [("print-left", 1)]),
    ("a.js", "list.forEach(async (x) => f(x));\n", [("unawaited-callback", 1)]),
    ("a.js", "if (a == b) {}\n", [("loose-equality", 1)]),
    ("a.js", "try { f() } catch (e) {\n}\n", [("empty-catch", 1)]),
    ("A.java", "try { f(); } catch (Exception e) { }\n", [("empty-catch", 1)]),
    ("A.java", 'if (name == "tea") { }\n', [("string-identity", 1)]),
    ("a.go", "if err != nil {\n}\n", [("empty-catch", 1)]),
    ("a.rb", "begin\n  f\nrescue => e\nend\nbinding.pry\n", [("debugger-left", 5), ("empty-catch", 3)]),
    ("a.php", "<?php\nvar_dump($a);\n", [("print-left", 2)]),
    ("a.sh", "rm -rf $DIR/x\n", [("unquoted-removal", 1)]),
    ("a.sh", "for f in $(ls *.txt); do\n", [("iterated-listing", 1)]),
    ("a.js", "for (const i of ids) {\n  await db.query(q, [i]);\n}\n", [("query-in-loop", 2)]),
    ("a.ts", "ids.forEach((i) => {\n  User.findById(i);\n});\n", [("query-in-loop", 2)]),
    ("a.go", "for _, i := range ids {\n\tdb.QueryRow(q, i)\n}\n", [("query-in-loop", 2)]),
    ("A.java", "for (int i : ids) {\n  statement.executeQuery(q);\n}\n", [("query-in-loop", 2)]),
    ("a.go", "for _, f := range fs {\n\tdefer f.Close()\n}\n", [("defer-in-loop", 2)]),
    ("notes.txt", "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\n", [("merge-conflict", 2)]),
]


@pytest.mark.parametrize(("path", "text", "expected"), BROKEN)
def test_a_broken_rule_is_told_at_its_line(path: str, text: str, expected: list[tuple[str, int]]) -> None:
    assert sorted(told(path, text)) == sorted(expected)


HARMLESS = [
    ("a.js", "// debugger;\nconst s = 'console.log(a)';\n"),
    ("a.js", "if (a === b || a != null || c <= d) {}\n"),
    ("a.js", "try { f() } catch (e) { report(e); }\n"),
    ("a.js", "for (const i of ids) { total += i; }\nconst rows = db.query(q);\n"),
    ("a.js", "for (const a of list.query('x')) { f(a); }\n"),
    ("a.js", "for (const a of b) { document.find(a); }\n"),
    ("A.java", 'if ("tea".equals(name) && a == b) { }\n'),
    ("a.go", "func f() {\n\tdefer g()\n\tfor _, x := range xs {\n\t\th(x)\n\t}\n}\n"),
    ("a.go", "for _, f := range fs {\n\tfunc() {\n\t\tdefer f.Close()\n\t}()\n}\n"),
    ("a.sh", 'rm -rf "$DIR/x"\nrm -f $one\n# rm -rf $DIR\n'),
    ("notes.md", "Title\n=======\ntext\n"),
    ("notes.md", "<<<<<<< a\ntext\n>>>>>>> b\n"),
]


@pytest.mark.parametrize(("path", "text"), HARMLESS)
def test_what_only_looks_like_it_is_not_told(path: str, text: str) -> None:
    assert told(path, text) == []


def test_prints_belong_into_tests() -> None:
    assert told("a.test.js", "console.log(a);\n", in_tests=True) == []


def test_a_handler_that_says_why_it_does_nothing_is_told_softly() -> None:
    text = "try { f() } catch (e) {\n  // the next turn tries again\n}\n"
    language = language_of("a.js", text)
    assert language is not None
    (hit,) = other_languages(text, blanked(text, language)[0], language, in_tests=False)
    assert hit.severity == "LOW"
