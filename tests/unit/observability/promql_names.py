"""What a PromQL expression names: its metrics, and the labels that it selects, groups and joins by.

Not a parser: it knows the parts of the language that our rules and dashboards use, and promtool knows whether
an expression is one. Strings are taken out first, so that nothing in them is taken for a name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from airlock_chassis.telemetry import metrics
from prometheus_client import Counter, Gauge, Histogram

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_DURATION = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
# Possessive (`*+`): a function's name must not be cut until what is left of it is followed by no bracket.
_SELECTOR = re.compile(r"\b([a-zA-Z_:][\w:]*+)(?!\s*+\()\s*+(?:\{([^}]*)\})?")
_WORDS = frozenset("and or unless bool by without on ignoring group_left group_right inf nan".split())

SCRAPED = frozenset({"job", "instance"})
"""What Prometheus adds to everything that it reads."""
OF_PROMETHEUS: Mapping[str, frozenset[str]] = {
    "up": frozenset(),
    "process_resident_memory_bytes": frozenset(),
    "process_open_fds": frozenset(),
    "process_max_fds": frozenset(),
    "process_cpu_seconds_total": frozenset(),
    "process_start_time_seconds": frozenset(),
    "process_virtual_memory_bytes": frozenset(),
}
"""Metrics that no line of ours declares."""


@dataclass(frozen=True, slots=True)
class Named:
    """One metric in an expression, with the labels that its selector matches."""

    metric: str
    labels: frozenset[str]


def named(expression: str) -> Iterator[Named]:
    """The metrics of an expression, in order."""
    plain = _LABELS.sub("", _DURATION.sub("", _STRING.sub('""', expression)))
    for found in _SELECTOR.finditer(plain):
        if found[1] not in _WORDS and not plain[: found.start()].endswith(tuple("0123456789.")):
            inside = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", found[2] or "")
            yield Named(found[1], frozenset(inside))


def joined(expression: str) -> set[str]:
    """The labels that an expression groups or joins by."""
    inside = ",".join(_LABELS.findall(_STRING.sub('""', expression)))
    return {label.strip() for label in inside.split(",") if label.strip()}


def declared() -> dict[str, frozenset[str]]:
    """Every series that Airlock's processes show, with its labels."""
    found = dict(OF_PROMETHEUS)
    for value in vars(metrics).values():
        labels = frozenset(getattr(value, "_labelnames", ()))
        if isinstance(value, Counter):
            found[f"{value._name}_total"] = labels
        elif isinstance(value, Gauge):
            found[value._name] = labels
        elif isinstance(value, Histogram):
            found |= {f"{value._name}_{part}": labels for part in ("sum", "count")}
            found[f"{value._name}_bucket"] = labels | {"le"}
    return found


def unknown(expression: str, known: Mapping[str, Iterable[str]]) -> list[str]:
    """What of an expression nobody declares, a sentence each; `known` has a metric's labels by its name."""
    found, there = [], set(SCRAPED)
    for one in named(expression):
        if one.metric not in known:
            found.append(f"no metric {one.metric}")
            continue
        there |= set(known[one.metric])
        found += [
            f"{one.metric} has no label {label}"
            for label in sorted(one.labels - set(known[one.metric]) - SCRAPED)
        ]
    return found + [f"nothing here has the label {label}" for label in sorted(joined(expression) - there)]
