"""What the pages ask Prometheus for is declared by somebody."""

import re
from pathlib import Path

import pytest
from alert_rules import known
from promql_names import unknown

DOCS = Path(__file__).parents[3] / "docs"
_ASKED = re.compile(r"""promtool query \w+ "\$PROMETHEUS" '([^']+)'""")


def pages() -> list[Path]:
    """The pages that ask for something."""
    return sorted(page for page in DOCS.rglob("*.md") if "promtool query" in page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_asks_only_for_metrics_and_labels_that_are_declared(page: Path) -> None:
    """An unknown metric is an empty answer with exit code 0: typing the command does not show it."""
    text = page.read_text(encoding="utf-8")
    asked = _ASKED.findall(text)
    assert len(asked) == text.count("promtool query")
    assert [found for expression in asked for found in unknown(expression, known())] == []


def test_pages_that_ask_are_found() -> None:
    assert {"observability", "failing-runs", "waiting-work"} <= {page.stem for page in pages()}
