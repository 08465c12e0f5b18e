"""Files that people hand over: manifests, workflows, contexts. Bounded, `-` is stdin."""

import json
import os
import sys
from pathlib import Path

from airlock_contracts import strict_json

from ..exits import Exit
from .edge import CommandError

MAX_BYTES = 6 * 1024 * 1024
"""A little more than the server takes, so that the server's own answer says where its limit is."""
STDIN = "-"


def read_document(path: Path) -> bytes:
    """Read a file, or stdin for `-`. Raises CommandError."""
    try:
        if str(path) == STDIN:
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = "airlock agents new NAME writes a first one" if path.name == "agent.yaml" else ""
        raise CommandError(
            f"{path} cannot be read: {error.strerror or error}", hint, code=Exit.USAGE
        ) from error
    if len(raw) > MAX_BYTES:
        raise CommandError(f"{path} is larger than {MAX_BYTES // 1024 // 1024} MiB", code=Exit.USAGE)
    return raw


def read_context(text: str | None) -> dict[str, object]:
    """Read a context: a JSON object, `@FILE` with one, or `-` for stdin. Raises CommandError."""
    if text is None:
        return {}
    place = "--context"
    if text == STDIN or text.startswith("@"):
        place = text.removeprefix("@")
        written = read_document(Path(place))
    else:
        written = os.fsencode(text)  # the bytes that were typed
    try:
        value = strict_json.parse(written)
    except strict_json.InvalidJson as error:
        raise CommandError(
            f"{place} is not JSON: {error}",
            'give an object: --context \'{"name": "value"}\' or @FILE',
            Exit.USAGE,
        ) from error
    if not isinstance(value, dict):
        raise CommandError(f"{place} is not a JSON object", code=Exit.USAGE)
    return value


def read_setting(text: str) -> tuple[str, object]:
    """Read `name=value`; the value is JSON where it is JSON, else text. Raises CommandError.

    A number that would be written in another way is text: `7e1234` is a commit, and `1.10` a version.
    """
    try:
        written = os.fsencode(text).decode()
    except UnicodeDecodeError as error:
        raise CommandError(
            f"--set {text}: not UTF-8 at byte {error.start}",
            "give such a text as a file: --context @FILE",
            Exit.USAGE,
        ) from error
    name, sign, value = written.partition("=")
    if not sign or not name:
        raise CommandError(f"--set {text}: write name=value", code=Exit.USAGE)
    try:
        parsed = strict_json.parse(value.encode())
    except strict_json.InvalidJson:
        return name, value
    if isinstance(parsed, int | float) and json.dumps(parsed) != value:
        return name, value
    return name, parsed
