"""What the pages ask Prometheus is made of what there is: an unknown name answers nothing, quietly."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_rules import known
from promql_names import unknown

DOCS = Path(__file__).parents[3] / "docs"
_TYPED = re.compile(r"^\$ promtool query \w+ .*? '(.+)'$", re.MULTILINE)
_IN_TEXT = re.compile(r"`([a-z_:]+\{[^`{}]+=[^`{}]+\}|[a-z_:]+_total)`")
PAGES = {str(page.relative_to(DOCS)): page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}


def strangers(page: str) -> Iterator[str]:
    """What nobody declares of what is typed, and of the counters and selectors in the text."""
    series = known()
    for query in _TYPED.findall(page):
        yield from unknown(query, series)
    # A text may also speak of a histogram as a whole.
    histograms = {name.removesuffix("_count"): of for name, of in series.items() if name.endswith("_count")}
    for query in _IN_TEXT.findall(page):
        yield from unknown(query.replace("\\|", "|"), {**series, **histograms})


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_only_for_metrics_and_labels_that_are_declared(page: str) -> None:
    assert list(strangers(PAGES[page])) == []


def test_every_line_of_promtool_is_read() -> None:
    lines = sum(page.count("promtool query ") for page in PAGES.values())
    assert lines == sum(len(_TYPED.findall(page)) for page in PAGES.values())
    assert lines > 30


def test_a_query_of_something_else_is_found() -> None:
    page = """
$ promtool query instant "$PROMETHEUS" 'sum by (agent) (walks_total)'
$ promtool query instant "$PROMETHEUS" 'commit_seconds'
See `hosts{status="gone"}`, `walks_total`, `hosts{colour="red"}`; no metric is `limits.timeout_seconds`.
"""
    assert list(strangers(page)) == [
        "no metric walks_total",
        "nothing here has the label agent",
        "no metric commit_seconds",
        "no metric walks_total",
        "hosts has no label colour",
    ]
