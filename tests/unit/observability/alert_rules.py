"""The rules as data: what they record, what fires, and everything that they ask Prometheus."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from promql_names import declared, named

PROMETHEUS = Path(__file__).parents[3] / "observability" / "prometheus"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return [rule for file in files for group in read(file)["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def known() -> Mapping[str, frozenset[str]]:
    """What Airlock declares, and what rules record: with the labels that they add or group by."""
    found = declared()
    for rule in rules():
        if "record" in rule:
            of = [found.get(one.metric, frozenset()) for one in named(rule["expr"])]
            found[rule["record"]] = frozenset(rule.get("labels", {})).union(*of) | found.get(
                rule["record"], frozenset()
            )
    return found


def queries(rule: Mapping[str, Any]) -> Iterator[str]:
    """A rule's expression, and those that its texts ask."""
    yield rule["expr"]
    for text in rule.get("annotations", {}).values():
        yield from re.findall(r'\bquery "([^"]*)"', text)
        yield from (asked % "name" for asked in re.findall(r'printf "([^"]*)" \S+ \| query', text))
