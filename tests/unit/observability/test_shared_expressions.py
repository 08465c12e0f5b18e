"""What dashboards share may be put into a larger expression without a thought."""

import re

import pytest
from expressions import grown, grown_or_none, mean, per_minute, per_second, quantile, share_grown

SHARED = {
    "quantile": quantile(0.95, "h", by="agent"),
    "mean": mean("h", by="agent", selector='a="b / c"', window="[7d] offset 7d"),
    "per_second": per_second("c", by="agent"),
    "per_minute": per_minute("c", by="agent"),
    "grown": grown("c"),
    "grown_or_none": grown_or_none("c", by="agent"),
    "share_grown": share_grown("c", part='a="b"', whole=""),
}


def operators(expression: str) -> list[str]:
    """What stands between its parts outside of all brackets, and would bind to a neighbour."""
    text = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', "", expression)
    while (shorter := re.sub(r"\([^()]*\)", "", text)) != text:
        text = shorter
    return re.findall(r" (?:[-+*/%^]|[<>=!]+|or|and|unless) ", text)


@pytest.mark.parametrize("name", SHARED)
def test_no_operator_of_a_shared_expression_binds_to_what_stands_beside_it(name: str) -> None:
    assert operators(SHARED[name]) == []


def test_an_operator_outside_of_brackets_is_found() -> None:
    assert operators('sum by (a) (rate(x{b="c"}[5m])) / sum(y) or z') == [" / ", " or "]
    assert operators("(sum(x) / sum(y))") == []
