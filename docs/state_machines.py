"""Writes docs/state-machines.md from the engine's transition tables.

Run it from the root of the repository after a change of the tables: `python docs/state_machines.py`.
A test compares the page with what this writes.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from airlock_contracts.statuses import NodeStatus, RunStatus
from airlock_orchestration.engine.rules import AFTER_PARENTS, NODE_RULES, RUN_RULES

PAGE = Path(__file__).with_name("state-machines.md")

HEAD = """\
# State machines

Written by `docs/state_machines.py` from the tables in `airlock_orchestration/engine/rules.py`; a test
compares. A signal that stands beside no arrow out of a status is *stale* there: it changes nothing and is
no error. A final status never moves.
"""

RUN = """\
## Run

`WAITING_APPROVAL`: a node waits at a gate and nothing is queued, running or backing off. Where an arrow lists
*any node signal*, what becomes of the run follows from its nodes.
"""

NODE = """\
## Node

The signal is the one that names the node. *parents succeeded* and *a parent ended otherwise* are no signals
but what follows, in the same step, from a signal to another node.
"""

ATTEMPT = """\
## Attempt

A report of an attempt that is still `DISPATCHED` is its claim, where the agent has no effects and the node no
gate. `LOST` is counted apart from failures.
"""

ATTEMPT_ARROWS = [
    ("[*]", "DISPATCHED", "DispatchAttempt"),
    ("DISPATCHED", "DISPATCHED", "RedispatchDue"),
    ("DISPATCHED", "RUNNING", "AttemptClaimed"),
    ("DISPATCHED", "SUCCESS", "AttemptSucceeded"),
    ("DISPATCHED", "FAILED", "AttemptFailed"),
    ("DISPATCHED", "CANCELLED", "CancelRequested"),
    ("RUNNING", "SUCCESS", "AttemptSucceeded"),
    ("RUNNING", "FAILED", "AttemptFailed, DeadlineReached"),
    ("RUNNING", "LOST", "LeaseExpired"),
    ("RUNNING", "CANCELLED", "AttemptFailed, DeadlineReached, of a cancelled run"),
]

Arrows = Iterable[tuple[str, str, str]]


def document() -> str:
    """The whole page."""
    node_arrows = [*_node_arrows(), *_final(NodeStatus)]
    attempt_arrows = [
        *ATTEMPT_ARROWS,
        *((final, "[*]", "") for final in ("SUCCESS", "FAILED", "LOST", "CANCELLED")),
    ]
    parts = [
        HEAD,
        RUN,
        _diagram([("[*]", "PENDING", ""), *_run_arrows(), *_final(RunStatus)]),
        NODE,
        _diagram([("[*]", "PENDING", ""), *node_arrows]),
        _table(),
        ATTEMPT,
        _diagram(attempt_arrows),
    ]
    return "\n".join(parts)


def _run_arrows() -> Arrows:
    for status, rules in RUN_RULES.items():
        targets: defaultdict[str, list[str]] = defaultdict(list)
        for signal, after in rules.items():
            for target in sorted(after, key=list(RunStatus).index):
                targets[target].append(signal.__name__)
        for name, signals in targets.items():
            if name != status:
                yield status, name, "any node signal" if len(signals) > 3 else ", ".join(signals)


def _node_arrows() -> Arrows:
    for target in sorted(AFTER_PARENTS - {NodeStatus.SUCCESS}, key=list(NodeStatus).index):
        skipped = target is NodeStatus.SKIPPED
        words = {NodeStatus.FAILED: "parents succeeded, input failed"}.get(target, "parents succeeded")
        yield NodeStatus.PENDING, target, "a parent ended otherwise" if skipped else words
    yield NodeStatus.PENDING, NodeStatus.SUCCESS, "RunStarted, output reused"
    for status, rules in NODE_RULES.items():
        targets: defaultdict[str, list[str]] = defaultdict(list)
        for signal, after in rules.items():
            for target in sorted(after, key=list(NodeStatus).index):
                targets[target].append(signal.__name__)
        for name, signals in targets.items():
            yield status, name, ", ".join(signals)


def _final(statuses: type[RunStatus] | type[NodeStatus]) -> Arrows:
    return [(status, "[*]", "") for status in statuses if status.is_final]


def _diagram(arrows: Arrows) -> str:
    lines = [f"    {before} --> {after}" + (f": {words}" if words else "") for before, after, words in arrows]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _table() -> str:
    signals = list(dict.fromkeys(signal for rules in NODE_RULES.values() for signal in rules))
    rows = ["| | " + " | ".join(status for status in NODE_RULES if NODE_RULES[status]) + " |"]
    rows.append("|---" * (sum(1 for rules in NODE_RULES.values() if rules) + 1) + "|")
    for signal in signals:
        cells = (_cell(rules.get(signal, ())) for rules in NODE_RULES.values() if rules)
        rows.append(f"| {signal.__name__} | " + " | ".join(cells) + " |")
    return "\n".join([*rows, ""])


def _cell(targets: Iterable[NodeStatus]) -> str:
    return ", ".join(status for status in NodeStatus if status in set(targets)) or "stale"


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
