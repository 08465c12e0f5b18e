"""How an attempt at an agent of one's own is told: what it says while it works, its time, its failure."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airlock_contracts.failures import OUTPUT_SCHEMA_MISMATCH, Failure

from .text import one_line, plain, size

_HINTS = {
    "input.schema_mismatch": "mend the input, or input_schema in agent.yaml",
    "output.schema_mismatch": "mend the answer, or output_schema in agent.yaml",
    "output.invalid_json": "stdout is the answer alone, one JSON document: write everything else to stderr",
    "output.too_large": "put counts into the output and the rest into an artifact, or raise limits.output_kb",
    "output.unknown_artifact": "name only artifacts of the input, or what ctx.put_artifact answered",
    "memory.exceeded": "read files in pieces, or raise limits.memory_mb; scratch counts as memory",
    "timeout.exceeded": "raise limits.timeout_seconds, or do less: ctx.remaining() says how long there is",
    "exit.nonzero": "what it wrote to stderr says why",
    "start.failed": "does its command exist in the image? its root is read-only, and there is no shell",
    "agent.error": "an exception left the function; its traceback is in the details",
    "agent.protocol": "airlock/1 is spoken by agent.run() of the SDK; a program without it speaks stdio",
    "sandbox.lost": "was the container removed, or the engine restarted, meanwhile?",
}
_DETAILS = 2000
MAX_CHARACTERS = 1024 * 1024
"""Of what an agent says, as on a host; what follows is dropped."""


class Hearing:
    """Tells on stderr what an attempt says, as it comes; keeps the events for a program."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self.events: list[dict[str, Any]] = []
        self._left = MAX_CHARACTERS
        self._open_line = ""

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        if event.get("event") != "artifact":
            before, self._left = self._left, self._left - len(str(event))
            if self._left < 0:
                if before >= 0 and not self._quiet:
                    self._say("note     ", f"it said {MAX_CHARACTERS} characters; what follows is dropped")
                return
        self.events.append(dict(event))
        if self._quiet:
            return
        match event.get("event"):
            case "log":
                fields = " ".join(f"{key}={value}" for key, value in event["fields"].items())
                self._say(f"{event['level']:<9}", f"{event['message']} {fields}".strip())
            case "progress":
                done = event["fraction"]
                share = f"{done:4.0%} " if done is not None else ""
                self._say("progress ", share + event["message"])
            case "span":
                failed = " failed" if event["failed"] else ""
                self._say("span     ", f"{event['name']} {event['milliseconds']:.0f} ms{failed}")
            case "artifact":
                self._say("artifact ", f"{event['name']}  {size(event['size'])}  {event['artifact'][:19]}")
            case "stderr":
                self._hear_stderr(event["text"])
            case "note":
                self._say("note     ", event["text"])

    def end(self) -> None:
        """Tell a last line that had no end."""
        if self._open_line:
            self._hear_stderr("\n")

    def _hear_stderr(self, text: str) -> None:
        *whole, self._open_line = (self._open_line + text).split("\n")
        self._open_line = self._open_line[-_DETAILS:]
        for line in whole:
            self._say("stderr   ", line)

    def _say(self, what: str, text: str) -> None:
        sys.stderr.write(f"  {what} {one_line(text, 500)}\n")


def tell_failure(failure: Failure, *, derivable: Path | None = None) -> None:
    """Say on stderr why it failed: code, place, what to do.

    `derivable` is the agent's folder where its schemas can be read from its functions.
    """
    sys.stderr.write(
        f"FAILED {one_line(failure.code)} ({failure.kind})\n  {one_line(failure.message, 1000)}\n"
    )
    pointer = failure.details.get("pointer")
    if isinstance(pointer, str):
        sys.stderr.write(f"  at {one_line(pointer) or '/'}\n")
    for other in failure.details.get("also") or []:
        sys.stderr.write(f"  and {one_line(other, 500)}\n")
    for line in failure.details.get("traceback") or []:
        sys.stderr.write(f"    {one_line(line, 300)}\n")
    if hint := _HINTS.get(failure.code):
        if failure.code == OUTPUT_SCHEMA_MISMATCH and derivable is not None:
            hint += f"; as its functions say: airlock agents build {plain(derivable)} --write-schemas"
        sys.stderr.write(f"  hint: {hint}\n")


def timing_line(answer: Mapping[str, Any], memory_mb: int) -> str:
    """Where the time went, in a line: milliseconds, and the most memory that was seen."""
    times = answer["timing"]
    parts = [
        f"{name} {times[f'{name}_ms']:.0f} ms"
        for name in ("create", "start", "ready", "run", "total")
        if times[f"{name}_ms"] is not None
    ]
    if times["cpu_ms"] is not None:
        parts.append(f"cpu {times['cpu_ms']:.0f} ms")
    if answer["peak_memory_bytes"] is not None:
        parts.append(f"memory {size(answer['peak_memory_bytes'])} of {memory_mb} MiB")
    return plain(", ".join(parts))
