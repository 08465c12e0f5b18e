"""Writes docs/reference/openapi.json, the API's description, from the API itself.

Run it from the root of the repository after a change of a route or a model of REST: `python docs/openapi.py`.
A test compares the file with what this writes.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airlock_orchestration.api import Limits, build_api
from airlock_orchestration.api.description import describe

PAGE = Path(__file__).with_name("reference") / "openapi.json"


def write_page() -> str:
    """The whole description: sorted, so that a change shows as what it is."""
    parts: Any = SimpleNamespace(limits=Limits())  # nothing is called, only described
    return json.dumps(describe(build_api(parts)), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
