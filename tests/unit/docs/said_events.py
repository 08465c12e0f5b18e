"""What the processes say in their logs, read from the source: each event with its levels and who says it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROCESSES = {
    "both": ROOT / "libs" / "chassis",
    "orchestration": ROOT / "services" / "orchestration",
    "host": ROOT / "services" / "agents",
}
AGENTS = ROOT / "services" / "agents" / "airlock_agents" / "builtin"
"""What these say is an agent's own: its host has it as `agent.log`."""

LOGGERS = {"log", "_log"}
LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}


@dataclass
class Said:
    """One event: its fixed levels, whether a call works its level out, and whose code says it."""

    levels: set[str] = field(default_factory=set)
    varies: bool = False
    by: set[str] = field(default_factory=set)

    @property
    def is_loud(self) -> bool:
        """Whether it may be heard above DEBUG."""
        return self.varies or self.levels != {"debug"}

    def may_be_told_by(self, process: str) -> bool:
        """Whether code of it says this; the chassis is both's, or the one's that uses that part of it."""
        return self.by in ({"both"}, {process}) or (process == "both" and len(self.by) > 1)


def said_events() -> dict[str, Said]:
    """Every event whose name stands in a call such as `log.info("event.name", ...)`."""
    events: dict[str, Said] = {}
    for path, method, name in _calls():
        if isinstance(name, ast.Constant):
            one = events.setdefault(str(name.value), Said())
            one.by |= {who for who, folder in PROCESSES.items() if path.is_relative_to(folder)}
            if method == "log":
                one.varies = True
            else:
                one.levels.add(LEVELS[method])
    return events


def unnamed_events() -> list[str]:
    """The files with calls whose event is worked out, so that nobody can read its name there."""
    return [path.name for path, _, name in _calls() if not isinstance(name, ast.Constant)]


def _calls() -> Iterator[tuple[Path, str, ast.expr]]:
    """Each call of a logger: its file, the logger's method, and the event."""
    for folder in PROCESSES.values():
        for path in folder.rglob("*.py"):
            if path.is_relative_to(AGENTS):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Attribute(ast.Name(logger), method), args=[first, *more]) if (
                        logger in LOGGERS
                    ):
                        if method in LEVELS:
                            yield path, method, first
                        elif method == "log":
                            yield path, method, more[0]
