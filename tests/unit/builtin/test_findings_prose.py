"""What is said to people is told from what a program runs, also where the two share a line."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.findings.prose import Prose

MODULE = '''"""A page.

    login("tulip")
"""
import db  # once: tulip


class Page:
    """Say tulip."""

    word = "tulip"
    other = "tulip"  # or "orbit"
    """tulip, again."""

def read():
    "tulip"; return "tulip"
    """tulip""" + word
    f"{tulip}"
    call("""
tulip""")
'''


@pytest.mark.parametrize("line", [3, 5, 9, 13])
def test_comments_and_strings_that_are_statements_of_their_own_are_prose(line: int) -> None:
    assert Prose("page.py", MODULE.split("\n")).holds(line, "tulip")


@pytest.mark.parametrize("line", [11, 12, 16, 17, 18, 20])
def test_what_a_program_uses_is_none(line: int) -> None:
    lines = MODULE.split("\n")
    assert "tulip" in lines[line - 1]
    assert not Prose("page.py", lines).holds(line, "tulip")


def test_a_line_that_is_not_there_holds_nothing() -> None:
    prose = Prose("page.py", ["# tulip"])
    assert [prose.holds(line, "tulip") for line in (0, 1, 2)] == [False, True, False]
    assert not prose.holds(1, "")


@pytest.mark.parametrize("text", ["def broken(:\n# tulip", '"""open\n# tulip', "  x\n y\n# tulip"])
def test_python_that_cannot_be_read_has_comments_all_the_same(text: str) -> None:
    lines = text.split("\n")
    assert Prose("page.py", lines).holds(len(lines), "tulip")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.js", "  // tulip"),
        ("a.go", "/** tulip"),
        ("a.sql", "-- tulip"),
        ("conf/app.yaml", "  # tulip"),
        ("a.ini", "; tulip"),
        ("Dockerfile", "# tulip"),
    ],
)
def test_other_languages_have_comments_of_whole_lines(path: str, line: str) -> None:
    assert Prose(path, [line]).holds(1, "tulip")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.js", "/* a note */ login('tulip')"),
        ("a.js", "login('tulip') // tulip"),
        ("a.js", "# tulip"),
        ("a.go", "*tulip"),
        ("a.c", "* tulip"),
        ("a.lua", "--[[ a note ]] login('tulip')"),
        ("a.php", '#[Login("tulip")]'),
        ("a.sql", "/*!40101 SET PASSWORD = 'tulip' */"),
        ("a.yaml", "key: tulip # a comment"),
        ("a.bin", "# tulip"),
        ("a.txt", "// tulip"),
    ],
)
def test_what_stands_beside_a_comment_or_in_an_unknown_language_is_none(path: str, line: str) -> None:
    assert not Prose(path, [line]).holds(1, "tulip")


GO = """package shop

/*
 * login("tulip")
 *
 ** tulip
 */
func read(cfg *Config) {
	*cfg.Password = "tulip"
	/* a note */ * cfg.Password = "tulip"
	* cfg.Password = "tulip"
}
"""
C = """/** Opens.
 * password = "tulip"
   password = "tulip";
*password = "tulip";
 * a note */ password = "tulip";
*password = "tulip";
"""
RUST = """/**
 * let password = "tulip";
 */
fn read(password: &mut str) {
    *password = "tulip";
    /**/
    * password = "tulip";
}
"""


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [("shop.go", GO, [4, 6]), ("shop.c", C, [2]), ("shop.rs", RUST, [2])],
)
def test_a_star_is_a_comment_s_only_within_a_block_and_before_a_blank(
    path: str, text: str, said: list[int]
) -> None:
    lines = text.split("\n")
    prose = Prose(path, lines)
    there = [number for number, line in enumerate(lines, start=1) if "tulip" in line]
    assert [number for number in there if prose.holds(number, "tulip")] == said
    assert len(there) > len(said)
