"""What an agent's functions say of themselves, asked for inside its own image, in a locked sandbox."""

import tempfile
from pathlib import Path
from typing import Any

from airlock_contracts import strict_json
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Protocol

from ..sandbox.outcome import Failed
from .attempt import Bench
from .manifest import BrokenCode

_SECONDS = 60
_INTERPRETERS = ("python", "python3")
_SAID = 600
_TRACEBACK = "Traceback (most recent call last)"
_FIELDS = ("description", "input_schema", "output_schema")


def module_of(command: list[str]) -> str | None:
    """The Python module (or file) that a command runs; None for any other kind of command. Pure."""
    words = [word for word in command if word not in ("-I", "-u", "-B")]
    if len(words) >= 2 and Path(words[0]).name.rstrip("0123456789.") in _INTERPRETERS:
        if words[1] == "-m" and len(words) > 2:
            return words[2]
        if words[1].endswith(".py"):
            return words[1]
    return None


async def derived_schemas(bench: Bench, manifest: Manifest) -> tuple[dict[str, Any] | None, str]:
    """Answer what each action's function takes and answers, or None and why it cannot be told.

    Raises BrokenCode for a module that cannot be imported.
    """
    module = module_of(manifest.command)
    if manifest.protocol is not Protocol.AIRLOCK_1:
        return None, "a program of stdio has no hints that could be read"
    if module is None:
        return None, "its command is not python3 -m MODULE"
    asking = manifest.model_copy(
        update={
            "protocol": Protocol.STDIO,
            "command": [manifest.command[0], "-m", "airlock_sdk.manifest", module],
            "limits": manifest.limits.model_copy(update={"timeout_seconds": _SECONDS, "output_kb": 512}),
        }
    )
    with tempfile.TemporaryDirectory(prefix="airlock-schemas-") as folder:
        tried = await bench.attempt(asking, "schemas", b"{}", Path(folder), lambda event: None)
    outcome = tried.outcome
    if isinstance(outcome, Failed):
        if _TRACEBACK in outcome.stderr_tail:
            raise BrokenCode("\n".join([f"{module} cannot be imported", *_last_words(outcome.stderr_tail)]))
        said = outcome.stderr_tail.strip()[-_SAID:] or outcome.failure.message
        return None, f"asking {module} failed: {said}"
    try:
        actions: dict[str, Any] = strict_json.parse(outcome.output)["actions"]
        derived = {name: {field: one[field] for field in _FIELDS} for name, one in actions.items()}
    except (strict_json.InvalidJson, AttributeError, KeyError, TypeError):
        return None, f'{module} runs when it is imported: put agent.run() under if __name__ == "__main__"'
    return derived, ""


def _last_words(stderr: str) -> list[str]:
    """Of a traceback the place that it ends at, and the error. Pure."""
    lines = [line.strip() for line in stderr.strip().splitlines()]
    places = [line for line in lines if line.startswith('File "') and "<frozen" not in line]
    return [*places[-1:], lines[-1][-_SAID:]]
