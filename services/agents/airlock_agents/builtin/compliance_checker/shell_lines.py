"""What is wrong with a piece of shell, wherever it stands: in a Dockerfile, a workflow, a pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Every gap is bounded: the scripts are somebody else's, and a pattern that backtracks is a way to stop us.
_FETCH = r"\b(?:curl|wget)\b"
_SHELL = (
    r"(?:sudo\s+(?:-\S{1,20}\s+){0,3})?(?:/\S{1,40}/)?(?:env\s+)?"
    r"(?:(?:ba|da|z|k|a)?sh|python3?|perl|ruby|node)\b"
)
_PIPED = re.compile(
    rf"{_FETCH}[^|;&#]{{0,400}}\|\s*{_SHELL}(?!\s+-[ce]\b)"
    rf"|(?:\b(?:ba|z|k)?sh|\bsource|(?:^|\s)\.|\beval)\s+[\"']?(?:<\(|\$\(|`)\s*{_FETCH}"
    rf"|\b(?:ba|da|z|k)?sh\s+-c\s+[\"']?(?:\$\(|`)\s*{_FETCH}",
    re.MULTILINE,
)
_WORLD = re.compile(r"\bchmod\s+(?:-\S{1,20}\s+){0,3}(?:0?777|[0-7]?777|(?:a|o|ugo|go)?\+\w?w\w?)\s")
_OTHERS = re.compile(r"(?:\b0?[0-7]?777|[ao]\+|go\+|ugo\+|\s\+)")
_COMMAND = r"(?:^|&&|\|\||[;|(\n]|\bthen\b|\bdo\b)\s{0,40}"
_SUDO = re.compile(_COMMAND + r"sudo\s")
_APT = re.compile(r"\bapt(?:-get)?\s+(?:-\S{1,80}\s+){0,8}install\b([^;&|]{0,2000})")
_SHIFTED = "--no-install-recommends"
_NO_RECOMMENDS = re.compile(r"APT::Install-Recommends\W{0,4}(?:0|false|no)", re.IGNORECASE)


def piped_to_shell(script: str) -> Iterator[int]:
    """Say where something that was fetched is run unseen."""
    for found in _PIPED.finditer(script):
        yield found.start()


def world_writable(script: str) -> Iterator[int]:
    """Say where something is made writable by everybody."""
    for found in _WORLD.finditer(script + "\n"):
        if _OTHERS.search(found[0]):
            yield found.start()


def with_sudo(script: str) -> Iterator[int]:
    """Say where a command is run by sudo."""
    for found in _SUDO.finditer(script):
        yield found.end() - 1


def with_recommends(script: str) -> Iterator[int]:
    """Say where apt installs what was not asked for."""
    if _NO_RECOMMENDS.search(script):
        return
    for found in _APT.finditer(script):
        if _SHIFTED not in found[0]:
            yield found.start()
