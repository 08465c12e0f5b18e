"""What the engine says while it builds: progress line by line, and the end of it when it fails."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .packages import BuildProblem

_KEPT_LINES = 20
_TAIL_CHARACTERS = 2000

Say = Callable[[str], None]


def follow(what: str, stream: Iterator[dict[str, Any]], say: Say | None = None) -> None:
    """Read a build's events to their end; `say` hears each step. Raises BuildProblem with the log's end."""
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    for event in stream:
        if "stream" in event:
            text = str(event["stream"])
            said.append(text)
            if say is not None and text.startswith("Step "):
                say(f"{what}: {text.strip()}")
        if "error" in event:
            tail = "".join(said)[-_TAIL_CHARACTERS:]
            raise BuildProblem(f"{what}: {event['error']}\n{tail}")


def say_on_stderr(line: str) -> None:
    """Write one line of progress for a person."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
