"""The whole reports of the agents that looked at the workspace: more than their outputs can list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airlock_sdk import Failure

KINDS = ("findings", "issues", "violations")
MAX_REPORT_BYTES = 64 * 1024 * 1024  # 50,000 findings are some 25 MiB
MAX_ITEMS = 1000  # of each kind: as many as a list in the input may have; reports tell the loudest first


def read_reports(paths: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """Read reports and answer what of each kind they list, as the input would have listed it.

    Raises Failure for what is no report. What was written by an agent that read hostile files is read with
    the same care: an item of another form than the input's schema allows is no item.
    """
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for number, path in enumerate(paths):
        document = _document(path, number)
        for kind in KINDS:
            items = document.get(kind, [])
            if not isinstance(items, list):
                raise _refused(number, f"its {kind} are no list")
            found[kind] += [one for one in items if _is_item(one)][: MAX_ITEMS - len(found[kind])]
    return found


def _document(path: Path, number: int) -> dict[str, Any]:
    if path.is_dir():
        raise _refused(number, "it is a workspace")
    if path.stat().st_size > MAX_REPORT_BYTES:
        raise _refused(number, f"it is larger than {MAX_REPORT_BYTES} bytes")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _refused(number, "it is not JSON") from error
    if not isinstance(document, dict) or not any(kind in document for kind in KINDS):
        raise _refused(number, f"it has none of {', '.join(KINDS)}")
    return document


def _is_item(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and all(isinstance(one.get(name), str) and 0 < len(one[name]) <= 128 for name in ("id", "rule"))
        and _is(one.get("file"), str)
        and len(one.get("file") or "") <= 1024
        and _is(one.get("line"), int)
        and (one.get("line") or 0) >= 0
        and _is(one.get("tool"), str)
        and isinstance(one.get("in_tests", False), bool)
        and _is(one.get("replacement"), dict)
        and _is(one.get("message"), str)
    )


def _is(value: Any, kind: type) -> bool:
    """Tell whether a value is missing, null, or of a kind; a boolean is no number."""
    return value is None or (isinstance(value, kind) and not isinstance(value, bool))


def _refused(number: int, why: str) -> Failure:
    pointer = f"/reports/{number}"
    return Failure("agent.report_unreadable", f"{pointer}: {why}", details={"pointer": pointer})
