"""A command loses its shell only where it means the same without one."""

from __future__ import annotations

import subprocess

import pytest
from airlock_agents.builtin.patcher.shell_command import words_of
from hypothesis import given
from hypothesis import strategies as st

# Built into shells, and programs of every Debian all the same, which say the same.
PROGRAMS_TOO = {"[", "echo", "false", "printf", "test", "true"}


def test_what_a_shell_does_by_itself_stays_with_the_shell() -> None:
    listed = subprocess.run(
        ["bash", "-c", "compgen -b; compgen -k"], check=True, capture_output=True, text=True
    )
    own = set(listed.stdout.split()) - PROGRAMS_TOO
    assert len(own) > 60
    assert {word for word in own if words_of(f"{word} x") is not None} == set()


@pytest.mark.parametrize(
    "command",
    [
        "command -v git",
        "type git",
        "time make",
        "kill 7",
        "pwd",
        "DEL x.txt",
        "echo -e x",
        "  ",
        "ls\u00a0-l",
        "ls\r",
        "ls\x1b",
    ],
)
def test_a_command_that_needs_its_shell_keeps_it(command: str) -> None:
    assert words_of(command) is None


def test_a_program_and_its_words_need_none() -> None:
    assert words_of(" git  log --oneline ") == ["git", "log", "--oneline"]


WORDS = st.text(st.sampled_from("ab7-_./,:@+^%~*$ \t\u00a0\u00e4'"), min_size=1, max_size=6)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_shell_would_give_the_same_words(words: list[str]) -> None:
    plain = words_of(" ".join(["env", *words]))
    if plain is None:
        return
    script = f"printf '%s\\0' {' '.join(words)}"
    said = subprocess.run(["sh", "-c", script], check=True, capture_output=True)
    assert said.stdout.decode().split("\0")[:-1] == (plain[1:] or [""])
