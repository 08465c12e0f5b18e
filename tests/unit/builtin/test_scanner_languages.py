"""Rules for languages other than Python see what they are for, and nothing in what only looks like it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airlock_agents.builtin.security_scanner.catalogue import OWN
from airlock_agents.builtin.security_scanner.languages.lexer import lex
from airlock_agents.builtin.security_scanner.languages.search import (
    TABLES,
    search_file,
    search_pieces,
    search_text,
)
from airlock_agents.builtin.security_scanner.languages.syntax import SYNTAXES, languages_of

from .scanner_examples import FLAWS, HARMLESS


@pytest.mark.parametrize(("path", "rule", "code"), FLAWS)
def test_a_flaw_is_seen_by_its_rule_and_by_no_other(path: str, rule: str, code: str) -> None:
    assert {hit.rule for hit in search_file(path, code)} == {rule}


@pytest.mark.parametrize(("path", "code"), HARMLESS)
def test_what_only_looks_like_a_flaw_is_none(path: str, code: str) -> None:
    assert list(search_file(path, code)) == []


def test_every_rule_has_an_example_and_every_pattern_fires() -> None:
    patterned = {one for one in OWN if not one.startswith(("py-", "dependency-"))}
    assert {rule for _, rule, _ in FLAWS} == patterned
    for language, table in TABLES.items():
        if language == "python":
            continue
        for one in table:
            examples = [code for path, rule, code in FLAWS if rule == one.rule]
            assert any(one.look.search(getattr(lex(code, language), one.view)) for code in examples), one


def test_a_line_is_the_one_where_the_flaw_begins() -> None:
    code = "// one\n/* two\nthree */\nconst q =\n  `SELECT * FROM teas\n   WHERE id = ${id}`;\n\n  eval(q);\n"
    assert [(hit.rule, hit.line) for hit in search_text(code, "javascript")] == [
        ("js-eval", 8),
        ("js-sql-injection", 5),
    ]


@pytest.mark.parametrize(
    "hidden", ["/* never closed\n", "`never closed\n", "'never closed\n", "/* a */ // b\n"]
)
def test_a_comment_or_string_that_never_ends_hides_nothing(hidden: str) -> None:
    assert [hit.rule for hit in search_text(hidden + "eval(input);\n", "javascript")] == ["js-eval"]


def test_names_of_tables_weigh_less_than_values() -> None:
    (structure,) = search_text("db.query(`SELECT * FROM ${tableName} WHERE id = ?`)", "javascript")
    (value,) = search_text("db.query(`SELECT * FROM teas WHERE id = ${id}`)", "javascript")
    assert (structure.confidence, value.confidence) == ("LOW", None)


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("run", "#!/usr/bin/env node\n", "javascript"),
        ("setup", "#!/bin/sh\n", "shell"),
        ("picture.png", "\x89PNG <?php system($x); ?>", "php"),
        ("app.js.bak", "", "javascript"),
        ("APP.JS", "", "javascript"),
        ("page.html.erb", "", "template"),
        ("Dockerfile.dev", "", "shell"),
        ("notes.txt", "", None),
    ],
)
def test_a_language_is_known_by_content_and_name(path: str, text: str, language: str | None) -> None:
    assert languages_of(path, text) == ({language} if language else set())


@pytest.mark.parametrize("path", ["Makefile.js", "build/makefile.mjs", "dockerfile.ts"])
def test_a_script_that_is_named_as_what_a_shell_reads_is_both(path: str) -> None:
    assert languages_of(path, "") == {"javascript", "shell"}
    assert "js-eval" in {hit.rule for hit in search_file(path, "eval(req.body.x);\n")}


@pytest.mark.parametrize("line", ["// <?php ?>", "#!/bin/sh", "#!/usr/bin/env ruby", "/* <?php */"])
def test_what_a_file_says_of_itself_takes_it_from_no_rules_of_its_name(line: str) -> None:
    assert "js-eval" in {hit.rule for hit in search_file("server.js", f"{line}\neval(input);\n")}


@pytest.mark.parametrize(
    ("path", "bait"),
    [
        ("a.js", "token"),
        ("a.js", "=/a["),
        ("a.js", "=/a"),
        ("a.go", "token"),
        ("a.go", "func token"),
        ("a.php", "$token"),
    ],
)
def test_bait_for_names_and_regular_expressions_costs_no_more_than_its_size(
    processor_seconds: Callable[[Callable[[], object]], float], path: str, bait: str
) -> None:
    text = bait * (200_000 // len(bait))
    assert processor_seconds(lambda: list(search_file(path, text))) < 10


@pytest.mark.parametrize("end", ["\u2028", "\u2029"])
def test_what_ends_a_line_in_javascript_ends_a_comment(end: str) -> None:
    assert [hit.rule for hit in search_file("a.js", f"// harmless{end}eval(input);\n")] == ["js-eval"]


def test_bait_is_searched_in_pieces_with_the_lines_of_the_whole() -> None:
    bait = "x = 'tea';\n" * 5_000 + "y = 'no end of a line' + " * 5_000
    hits, stopped_at = search_pieces("server.js", bait + "\neval(input);\n")
    assert ([(hit.rule, hit.line) for hit in hits], stopped_at) == ([("js-eval", 5_002)], None)


def test_bait_is_searched_for_a_while_and_what_was_found_until_then_is_told() -> None:
    now = iter(range(0, 1_000, 4))  # seconds: each piece takes four
    text = "eval(input);\n" * 20_000
    hits, stopped_at = search_pieces("server.js", text, clock=lambda: float(next(now)))
    assert stopped_at is not None
    assert [hit.line for hit in hits] == list(range(1, stopped_at))


@pytest.mark.parametrize("language", sorted(SYNTAXES))
@pytest.mark.parametrize(
    "piece",
    [
        "/*",
        "'",
        '"',
        "`",
        "${",
        "<<<A\n",
        "SELECT ",
        "curl ",
        "<%- ",
        "{{",
        "\\",
        "$(",
        "eval(",
        "a + ",
        "<script>",
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(
    processor_seconds: Callable[[Callable[[], object]], float], language: str, piece: str
) -> None:
    text = piece * (20_000 // len(piece))
    assert processor_seconds(lambda: list(search_text(text, language))) < 2
