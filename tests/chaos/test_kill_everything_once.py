"""kill -9 of each process in the middle of a run: the run still ends SUCCESS, with every node done once."""

import asyncio
import shutil
from pathlib import Path

from airlock_contracts.statuses import NodeStatus


async def test_a_run_survives_each_process_killed_in_turn_and_jetstream_deleted(install) -> None:
    await install.chain("long", nodes=8, seconds=2.0)
    run = (await install.client.trigger("long", {"text": "x"})).id

    await install.until_node(run, "n0", NodeStatus.RUNNING)
    await install.kill_and_wait("orchestration")

    await install.until_node(run, "n2", NodeStatus.RUNNING)
    await install.kill_and_wait("agent-host")

    await install.until_node(run, "n4", NodeStatus.RUNNING)
    await install.kill_and_wait("nats-server")

    await install.until_node(run, "n6", NodeStatus.RUNNING)
    jetstream = install.stack.folder.path / "nats"
    stored = [path for path in jetstream.rglob("jetstream") if path.is_dir()]
    assert stored
    await asyncio.to_thread(_lose, install, stored)

    view = await install.until_final(run)
    await install.check_invariants(run)
    output = await install.client.node_output(run, view.nodes[-1].id)
    assert output.strip() == b'{"text": "x........"}'


def _lose(install, stored: list[Path]) -> None:
    install.kill("nats-server")
    for folder in stored:
        shutil.rmtree(folder, ignore_errors=True)


async def test_postgres_killed_in_the_middle_loses_nothing(install) -> None:
    await install.chain("short", nodes=4, seconds=2.0)
    runs = [(await install.client.trigger("short", {"text": str(n)})).id for n in range(4)]
    await install.until_node(runs[0], "n1", NodeStatus.RUNNING)
    await install.kill_and_wait("Postgres")
    for run in runs:
        await install.until_final(run)
        await install.check_invariants(run)
