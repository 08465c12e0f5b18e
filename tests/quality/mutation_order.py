"""The conftest beside the tests of a mutant: the quickest of them first, and no chance in any.

`mutation.py` lays it out. A mutant is most often noticed by some example within milliseconds; what draws a
hundred examples stands behind those, draws fewer, and the same ones for each mutant: else chance would kill a
mutant, or spare it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import Phase, settings

_EXAMPLES = 25
_STATS = Path("mutmut-stats.json")
"""What mutmut measured when it ran all tests once; it runs them in this folder."""

settings.register_profile(
    "mutation",
    max_examples=_EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # that it fails is enough, no need to make it small
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the quickest first."""
    if _STATS.exists():
        seconds: dict[str, float] = json.loads(_STATS.read_text())["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
