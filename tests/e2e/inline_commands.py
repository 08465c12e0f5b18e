"""Types the commands that stand within a page's text, with what they leave open filled in.

They are looked up one by one and not read from top to bottom, so each is typed for itself, in a shell of its
own, two at a time. What is in capitals (`RUN`, `NAME`) is the reader's to fill in. What a block has is not
typed again, and what no test may type says why not.
"""

import os
import re
import signal
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, TimeoutExpired
from time import monotonic

from guide_commands import GuideBroken, steps

PROGRAMS = frozenset("airlock df docker du journalctl pg_dump promtool python systemctl".split())
ALONE = frozenset({"dmesg", "timedatectl", "uptime"})
"""Programs whose name is a command by itself."""
_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`]+)`")
_OPEN = re.compile(r"\b[A-Z]{2,}\b")
_AT_ONCE = 2

_SHARED = "all these tests share one install, and it is up"
_GUIDE = "the guide to writing an agent types it, with its folder"
_NAME = "a name, not yet a command"
_MACHINE = "the machine's own, and not of every machine that runs tests"
NOT_TYPED: Mapping[str, str] = {
    "airlock up": _SHARED,
    "airlock down": _SHARED,
    "airlock purge": "refused while the install runs",
    "airlock agent-host": "runs until it is told to end",
    "airlock probe --pool gpu": "these tests have one pool; test_probe_command.py types it with two",
    "airlock run": _NAME,
    "airlock agents try": _NAME,
    "airlock demo": "starts an install of its own; test_demo.py types it",
    "airlock agents build FOLDER": _GUIDE,
    "airlock agents try FOLDER --input FILE": _GUIDE,
    "python -m airlock_agents images build": "was done before these tests",
    "docker save": _NAME,
    "docker load": _NAME,
    "docker run -i": _NAME,
    "docker network prune": "would take the networks of whoever else works on this engine",
    "pg_dump -Fc": "must be of the server's own version; docker.md types it in Postgres' container",
    "du --inodes -x -d 2 /": "reads a whole disk",
    "df --inodes": "ends badly where a mount lets nobody look",
    "dmesg": _MACHINE,
    "journalctl -u docker": _MACHINE,
    "systemctl start docker": _MACHINE,
    "timedatectl": _MACHINE,
}
"""What pages say and no test types from within a text, and why."""


def inline_commands(pages: Iterable[Path]) -> list[str]:
    """The commands within pages' texts, each once, in order."""
    texts = [_FENCE.sub("", page.read_text(encoding="utf-8")) for page in pages]
    found = dict.fromkeys(" ".join(one.split()) for text in texts for one in _INLINE.findall(text))
    return [one for one in found if _is_command(one)]


def block_commands(pages: Iterable[Path]) -> set[str]:
    """The commands of pages' blocks, as a text names them: `airlock logs "$RUN"` is `airlock logs RUN`."""
    typed = [step.command.partition(" || ")[0] for page in pages for step in steps(page.read_text("utf-8"))]
    return {re.sub(r'["$]', "", command) for command in typed}


def _is_command(text: str) -> bool:
    program, _, rest = text.partition(" ")
    return text in ALONE or (program in PROGRAMS and bool(rest))


def type_inline(
    commands: Iterable[str],
    filled: Mapping[str, str],
    *,
    instead: Mapping[str, str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
) -> None:
    """Type commands, two at a time, all of them within `seconds`.

    `filled` has what stands for each word in capitals, `instead` what is typed for a command that needs more.
    Raises GuideBroken with those that do not end with exit code 0 in that time, KeyError where nobody fills
    in a word.
    """
    lines = [_OPEN.sub(lambda word: filled[word[0]], instead.get(one, one)) for one in commands]

    until = monotonic() + seconds

    def type_one(line: str) -> str | None:
        with Popen(
            ["bash", "-c", line],
            cwd=folder,
            env=dict(environment),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            start_new_session=True,
        ) as shell:
            try:
                said, _ = shell.communicate(timeout=max(0.0, until - monotonic()))
            except TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                return f"$ {line}\n{shell.communicate()[0]}\nis not done in time"
        return None if shell.returncode == 0 else f"$ {line}\n{said}\nexit code {shell.returncode}"

    with ThreadPoolExecutor(_AT_ONCE) as shells:
        broken = [told for told in shells.map(type_one, lines) if told is not None]
    if broken:
        raise GuideBroken("\n".join(broken))
