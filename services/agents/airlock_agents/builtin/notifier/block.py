"""A notification as a block of text that commands no terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airlock_sdk.printable import block, one_line

MAX_TITLE = 200  # characters
MAX_MESSAGE = 4000
MAX_FACTS = 50
MAX_FACT = 500
_RULE = "-" * 60


def render(title: str, message: str, severity: str, facts: Mapping[str, Any]) -> str:
    """Answer the block: severity and title, the message, and the facts, one on a line."""
    lines = [_RULE, f"[{severity}] {one_line(title, MAX_TITLE)}", _RULE, block(message, MAX_MESSAGE)]
    if facts:
        width = max(len(one_line(name, 40)) for name in list(facts)[:MAX_FACTS])
        lines.append("")
        for name, value in list(facts.items())[:MAX_FACTS]:
            lines.append(f"{one_line(name, 40).ljust(width)}  {one_line(_spelled(value), MAX_FACT)}")
        if len(facts) > MAX_FACTS:
            lines.append(f"... and {len(facts) - MAX_FACTS} more")
    return "\n".join([*lines, _RULE])


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and all(isinstance(one, int | float | str) for one in value.values()):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return json.dumps(value, ensure_ascii=False)
