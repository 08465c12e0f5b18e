"""Runs the commands of a guide as somebody who reads it would: from top to bottom, in one shell.

What a guide's blocks mean:
- ```console: lines after `$ ` are typed (one that ends in a backslash goes on in the next); the lines below
  a command are what it shows. A command ends with exit code 0, or says which: `# exit code 2`.
- A block whose first line is a comment with a file's name (`# count.yaml`) is written to that file, where the
  shell stands at that moment. Other blocks are there to be read.

What is shown is compared loosely: each line stands in the output, in this order, with others between;
numbers, digests and ids may be others; `...` stands for anything.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from time import monotonic

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"#\s*([\w./-]+\.\w+)")
_EXIT = re.compile(r"\s+#\s*exit code (\d+)$")
_MARK = "__guide_command_ended__"
_LOOSE = (
    (r"sha256:[0-9a-f]{6,64}", r"sha256:[0-9a-f]+"),
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"[0-9a-f-]{36}"),
    (r"\d+(?:[.,:]\d+)*", r"[\d.,:]+"),
    (r"(?:KiB|MiB|GiB|(?<=\d )B|ms|min|(?<=\d )s)\b", r"\S+"),
    (r"\.\.\.|…", r".*"),
)


@dataclass(frozen=True)
class Step:
    """One thing to do: type a command, or write a file."""

    command: str = ""
    shown: tuple[str, ...] = ()
    exit_code: int = 0
    file: str = ""
    text: str = ""


class GuideBroken(AssertionError):
    """A guide does not tell what happens."""


def steps(page: str) -> Iterator[Step]:
    """What a reader does, from top to bottom."""
    for language, body in _FENCE.findall(page):
        if language == "console":
            yield from _typed(body)
        elif (named := _FILE.fullmatch(body.partition("\n")[0].strip())) is not None:
            yield Step(file=named[1], text=body)


def _typed(body: str) -> Iterator[Step]:
    typed = ""
    shown: list[str] = []
    for line in body.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            if typed:
                yield _command(typed, shown)
            typed, shown = line.removeprefix("$ "), []
        elif line.strip():
            shown.append(line)
    if typed:
        yield _command(typed, shown)


def _command(typed: str, shown: list[str]) -> Step:
    expected = _EXIT.search(typed)
    return Step(_EXIT.sub("", typed), tuple(shown), int(expected[1]) if expected else 0)


def run_guide(page: Path, *, folder: Path, environment: Mapping[str, str], seconds: float = 100.0) -> int:
    """Do what a guide says, in a folder; answers how many commands were typed.

    Raises GuideBroken with the command, what it did and what the guide shows.
    """
    until = monotonic() + seconds
    typed = 0
    with _Shell(folder, environment) as shell:
        for step in steps(page.read_text(encoding="utf-8")):
            if step.file:
                (shell.folder / step.file).write_text(step.text, encoding="utf-8")
                continue
            said, code = shell.type(step.command, until)
            typed += 1
            place = f"{page.name}: $ {step.command}\n{said}"
            if code != step.exit_code:
                raise GuideBroken(f"{place}\nended with exit code {code}, not {step.exit_code}")
            if (line := missing(step.shown, said)) is not None:
                raise GuideBroken(f"{place}\nshows nothing like: {line}")
    return typed


def missing(shown: tuple[str, ...], said: str) -> str | None:
    """The first shown line that is not in what was said, in order; None where all are."""
    lines = iter(said.splitlines())
    for one in shown:
        pattern = re.compile(loose(one))
        if one.strip() not in ("...", "…") and not any(pattern.fullmatch(line.strip()) for line in lines):
            return one
    return None


def loose(line: str) -> str:
    """A pattern for a line in which numbers, units, digests and ids may be others."""
    return r"\s+".join(_loose_text(" ".join(line.split())).split(r"\ "))


def _loose_text(text: str) -> str:
    parts: list[str] = []
    at = 0
    for found in re.finditer("|".join(f"({one})" for one, _ in _LOOSE), text):
        parts += [re.escape(text[at : found.start()]), _LOOSE[(found.lastindex or 1) - 1][1]]
        at = found.end()
    return "".join([*parts, re.escape(text[at:])])


class _Shell:
    """One bash, in a session of its own: folder and variables stay from command to command."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> "_Shell":
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def type(self, command: str, until: float) -> tuple[str, int]:
        """Type a command; answers what it said and its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Without a terminal's stdin: a command that asks would eat the next one.
        line = f'{{ {command}\n}} </dev/null; printf "\\n{_MARK} %d %s\\n" "$?" "$PWD"\n'
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        said = b""
        with DefaultSelector() as selector:
            selector.register(self._process.stdout, EVENT_READ)
            while _MARK.encode() not in said or not said.endswith(b"\n"):
                if not selector.select(max(0.0, until - monotonic())):
                    raise GuideBroken(f"$ {command}\n{said.decode(errors='replace')}\nis not done in time")
                piece = os.read(self._process.stdout.fileno(), 65536)
                if not piece:
                    raise GuideBroken(f"$ {command}\n{said.decode(errors='replace')}\nended the shell")
                said += piece
        text, _, last = said.decode(errors="replace").rpartition(f"\n{_MARK} ")
        code, _, folder = last.strip().partition(" ")
        self.folder = Path(folder)
        return text, int(code)
