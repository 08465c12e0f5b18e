"""Every command that the documents tell people to type exists, with its options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from airlock_client.cli.application import app

ROOT = Path(__file__).parents[3]
_INLINE = re.compile(r"`((?:\.venv/bin/)?airlock [^`\n]+)`")
_ALONE = re.compile(r"^(?:    |[A-Z_]+=\S+ )*(?:\$ )?((?:\.venv/bin/)?airlock .+)$", re.MULTILINE)
_COMPOSE = re.compile(r"docker compose (?!--env-file \.env -f infra/compose\.yaml [a-z-])\S+")
_MAKE = re.compile(r"(?:^    (?:\$ )?|`)make ([a-z-]+)", re.MULTILINE)


def documents() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "examples").glob("*.md")]
    return sorted([*found, *(ROOT / "docs").rglob("*.md")])


def commands(text: str) -> Iterator[str]:
    """What stands after `airlock`, without a shell's comment and substitutions or what a page leaves open."""
    for line in [*_INLINE.findall(text), *_ALONE.findall(text.replace("\\\n", " "))]:
        whole = re.sub(r"\$\(.*", "VALUE", line)
        yield re.sub(r"\s+(?:#|\||;|>|&&).*|\s*\.\.\.$", "", whole).partition("airlock ")[2]


def words(line: str) -> list[str]:
    """A command line's words; brackets only say what may be left out."""
    bare = re.sub(r"[][]", "", line)
    try:
        return shlex.split(bare)
    except ValueError:
        return shlex.split(bare.replace("'", ""))  # a quote that ends beyond what was found


def unknown(typed: list[str]) -> str | None:
    """What of a command line does not exist; None when all of it does."""
    found: Any = typer.main.get_command(app)
    options, free = _taken_by(found)
    left = iter(typed)
    for word in left:
        if word.startswith("-"):
            if found.context_settings.get("ignore_unknown_options"):
                return None  # the process that it becomes reads the rest
            name, _, value = word.partition("=")
            if name not in options:
                return f"{found.name} has no option {word}"
            if not options[name] and not value:
                next(left, None)
        elif hasattr(found, "commands"):
            if word not in found.commands:
                return f"{found.name or 'airlock'} has no command {word}"
            found = found.commands[word]
            options, free = _taken_by(found)
        elif (free := free - 1) < 0:
            return f"{found.name} takes no {word}"
    return None


def _taken_by(command: Any) -> tuple[dict[str, bool], float]:
    """Its options, and whether each is a flag; and how many arguments it takes."""
    options = {"--help": True, "-h": True}
    free = 0.0
    for param in command.params:
        if param.param_type_name == "argument":
            free += param.nargs if param.nargs > 0 else float("inf")
        else:
            options |= dict.fromkeys((*param.opts, *param.secondary_opts), bool(param.is_flag))
    return options, free


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_document_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for line in commands(text):
        assert unknown(words(line)) is None, line


def test_a_command_that_does_not_exist_is_found() -> None:
    assert unknown(["agents", "scaffold"]) == "agents has no command scaffold"
    assert unknown(["run", "x", "--frobnicate"]) == "run has no option --frobnicate"
    assert unknown(["hosts", "list"]) == "hosts takes no list"
    assert unknown(["runs", "list", "--limit", "3", "there"]) == "list takes no there"
    assert unknown(["approvals", "approve", "x", "--payload", "y"]) is None


def test_every_target_of_make_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in documents():
        named = set(_MAKE.findall(document.read_text(encoding="utf-8")))
        assert named <= targets, f"{document}: {named - targets}"


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_compose_is_always_told_which_file_and_whose_settings(document: Path) -> None:
    assert not _COMPOSE.findall(document.read_text(encoding="utf-8"))
