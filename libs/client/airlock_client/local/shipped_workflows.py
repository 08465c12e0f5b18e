"""The example workflows, applied at each start, but never over what somebody made of one.

What was shipped last is noted in the data folder (`shipped.json`, the digest of each workflow's spec). The
newest version of a workflow is replaced only where it is still that one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from airlock_client.embedded.server import write_private

from .. import changes
from ..client import AirlockClient
from ..errors import ProblemError

_MAX_NOTE_BYTES = 64 * 1024


async def apply_shipped(
    client: AirlockClient, documents: list[Path], note: Path, say: Callable[[str], None]
) -> None:
    """Apply each document that is new here, or whose workflow is as it was shipped before.

    Raises ProblemError, and Unreachable where the service does not answer.
    """
    shipped = _noted(note)
    written = dict(shipped or {})
    for path in documents:
        document = await asyncio.to_thread(path.read_bytes)
        name = changes.name_in(document) or path.stem
        seen = await changes.look(client, name)
        if seen is not None and shipped is not None and shipped.get(name) != seen.view.spec_sha256:
            seen = None  # it is somebody's now: only what says the same is taken
        try:
            workflow, new = await changes.apply(client, document, seen)
        except ProblemError as error:
            if error.problem.code != changes.CHANGED:
                raise
            take = f"airlock workflows apply {path}"
            say(f"workflow {name}: kept as it was changed here; to take what is shipped: {take}")
            continue
        if new:
            say(f"applied workflow {workflow.name}, version {workflow.version}")
        written[name] = workflow.spec_sha256
    write_private(note, json.dumps(written, indent=2) + "\n")


def _noted(note: Path) -> dict[str, str] | None:
    """What was shipped last; None at the first start."""
    try:
        noted = json.loads(note.read_bytes()[:_MAX_NOTE_BYTES])
    except (OSError, ValueError):  # or cut by a full disk
        return None
    if not isinstance(noted, dict):
        return None
    return {name: digest for name, digest in noted.items() if isinstance(digest, str)}
