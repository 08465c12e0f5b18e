"""The path looks up by key, also in statements that were planned while the tables were tiny."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from airlock_orchestration.store import attempts, due, events, logs, runs
from airlock_orchestration.store.door.rowsets import ROWSETS
from airlock_orchestration.store.door.statement import statement

# They hold only what is open, however many rows the table has.
PARTIAL = (
    "ix_nodes_open",
    "ix_runs_open",
    "ix_approvals_expiry",
    "ix_attempts_lease",
    "ix_attempts_deadline",
)
STATEMENTS = {
    "door": statement(tuple(ROWSETS)),
    "claim": statement(("runs", "nodes", "attempts", "events")),
    "runs": runs._RUNS,
    "nodes": runs._NODES,
    "outputs": runs._OUTPUTS,
    "inputs": runs._INPUTS,
    "poison": runs._POISON,
    "leases": attempts._EXTEND,
    "due": due._DUE,
    "events": events._EVENTS,
    "logs": logs._READ.format(more=""),
    "newest line": logs._NEWEST,
    "old lines": logs._FORGET,
}


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in plan and plan["Node Type"].endswith("Scan"):
        yield plan
    for child in plan.get("Plans", ()):
        yield from scans(child)


@pytest.mark.parametrize("name", STATEMENTS)
async def test_every_table_is_looked_up_by_key(shop: Any, kit: Any, name: str) -> None:
    seeded = await shop.workflow(kit.GATED)
    for _ in range(3):
        run = await shop.go(shop.start(seeded))
        await shop.go(shop.change(run, kit.succeeded(run.id)))
    await shop.connection.execute("ANALYZE")
    sql = STATEMENTS[name]
    count = max([int(number) for number in re.findall(r"\$(\d+)", sql)], default=0)
    await shop.connection.execute(f"PREPARE planned AS {sql}")
    nulls = f"({', '.join(['NULL'] * count)})" if count else ""
    explained = await shop.connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE planned{nulls}")
    await shop.connection.execute("DEALLOCATE planned")
    found = list(scans(json.loads(explained)[0]["Plan"]))
    assert found
    for scan in found:
        by_key = "Index Cond" in scan or "Recheck Cond" in scan or "TID Cond" in scan
        assert by_key or scan.get("Index Name") in PARTIAL, scan


async def test_the_lines_of_one_node_are_read_without_those_of_others(shop: Any) -> None:
    await shop.connection.execute(f"PREPARE planned AS {logs._READ.format(more=' AND node = $5')}")
    explained = await shop.connection.fetchval("EXPLAIN (FORMAT JSON) EXECUTE planned(NULL, 0, 500, 0, NULL)")
    (scan,) = scans(json.loads(explained)[0]["Plan"])
    assert scan["Index Name"] == "ix_agent_logs_node"
    assert all(column in scan["Index Cond"] for column in ("run_id", "node", "id"))


async def test_a_large_batch_is_applied_whole(shop: Any, kit: Any) -> None:
    seeded = await shop.workflow(
        [{"id": f"n{n}", "agent": "echo", "action": "say", "inputs": {"text": "x"}} for n in range(100)]
    )
    starts = [shop.start(seeded) for _ in range(64)]
    assert len((await shop.apply(*starts)).matched) == 64
    assert await shop.connection.fetchval("SELECT count(*) FROM attempts") == 6400
    loaded = await runs.load_states(shop.connection, [start.run.id for start in starts], shop.plans)
    assert all(len(state.nodes) == 100 for state in loaded.values())
