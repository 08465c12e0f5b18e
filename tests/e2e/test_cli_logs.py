"""Agents' logs on the composed stack: seen while the container lives, and when it is gone."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from airlock_contracts.logs import LogStream
from airlock_contracts.statuses import RunStatus
from e2e_agents import ANY, manifest
from e2e_install import Install, spec
from test_cli_runs import _command, _environment, airlock, at_terminal

CHATTY = """
import sys, time
from airlock_sdk import Agent
agent = Agent()

@agent.action("talk")
def talk(inputs, context):
    context.log("warning", "\\x1b]0;pwned\\x07hello [red]", who=inputs.get("who", "nobody"))
    context.progress("half way", 0.5)
    print("printed")
    time.sleep(inputs.get("seconds", 0))
    if inputs.get("fail"):
        print("the last words", file=sys.stderr)
        raise RuntimeError("as asked")
    context.log("error", "done")
    return {}

agent.run()
"""
TALK = {"agent": "chatty", "action": "talk"}


@pytest.fixture
async def chatty(install: Install) -> None:
    actions = {"talk": {"input_schema": ANY, "output_schema": ANY}}
    document = manifest("chatty", CHATTY, actions, protocol="airlock/1")
    await install.client.register_agent(json.dumps(document).encode())


async def said(install: Install, run: str, **wanted: Any) -> list[str]:
    return [line.message async for line in install.client.follow_logs(run, **wanted)]


async def printed(install: Install, *arguments: str) -> AsyncIterator[str]:
    """The lines of a command as it prints them."""
    process = await asyncio.create_subprocess_exec(
        *_command(arguments),
        env=_environment(install) | {"PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=sys.stderr,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            async for line in process.stdout:
                yield line.decode()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.usefixtures("chatty")
async def test_what_an_agent_says_is_followed_while_it_works_and_to_the_end_of_the_run(
    install: Install,
) -> None:
    slow = TALK | {"id": "a", "inputs": {"seconds": 15, "who": "ada"}}
    run = await install.start("log-live", [slow, TALK | {"id": "b", "depends_on": ["a"]}])
    lines: list[str] = []
    async for line in printed(install, "logs", "-f", run):
        if not lines:
            node = (await install.client.run(run)).nodes[0]
            assert not node.status.is_final, "the first line came only when the agent had ended"
        lines.append(line)
    assert (await install.client.run(run)).status is RunStatus.SUCCESS
    of_a = [line[10:].rstrip() for line in lines if line[10:].startswith("a  ")]
    assert [line for line in of_a if line != "a  printed"] == [
        "a  warning: \\u001b]0;pwned\\u0007hello [red] who=ada",
        "a   50% half way",
        "a  error: done",
    ]
    assert len([line for line in lines if line[10:].startswith("b  ")]) == len(of_a) == 4
    await install.until_no_container()
    assert await said(install, run, node="b", stream=LogStream.STDERR) == ["printed"]


@pytest.mark.usefixtures("chatty")
async def test_afterwards_each_attempt_s_last_words_are_there_and_a_failed_node_names_the_command(
    install: Install,
) -> None:
    node = TALK | {"id": "a", "inputs": {"fail": True}, "retry": {"max_attempts": 2, "base_delay": "100ms"}}
    view = await install.run("log-failed", [node])
    assert view.status is RunStatus.FAILED
    assert "the last words" in await said(install, view.id, attempt=1)
    shown = await airlock(install, "runs", "show", view.id)
    assert f"its log, if it said anything: airlock logs {view.id} --node a" in shown.out
    done = await airlock(install, "logs", view.id, "--node", "a", "--level", "warning", "--json")
    levels = [json.loads(line)["level"] for line in done.out.splitlines()]
    assert set(levels) == {"warning"}
    assert len(levels) == len(view.nodes[0].attempts)


@pytest.mark.usefixtures("chatty")
async def test_in_a_terminal_the_run_is_a_picture_with_the_agents_progress(install: Install) -> None:
    slow = TALK | {"id": "first", "inputs": {"seconds": 3}}
    await install.client.apply_workflow(
        spec("log-seen", [slow, TALK | {"id": "then", "depends_on": ["first"]}])
    )
    done = await at_terminal(install, "", "run", "log-seen")
    assert done.code == 0
    assert "\x1b]0;pwned" not in done.out
    seen = re.sub(r"\x1b\[[0-9;]*m", "", done.out)  # colours
    assert re.search(r"▶ first +RUNNING .*50% half way", seen)
    assert re.search(r"○ then +PENDING .*after first", seen)
    last = seen[seen.rindex("2 of 2 nodes ended") :]
    assert "✓ first" in last
    assert "✓ then" in last
    assert seen.rstrip().splitlines()[-1].startswith("SUCCESS ")


async def test_a_run_and_a_workflow_are_drawn_by_the_command_line(install: Install, tmp_path: Path) -> None:
    view = await install.run("log-drawn", [{"id": "a"}, {"id": "b", "depends_on": ["a"]}])
    drawn = await airlock(install, "runs", "graph", view.id, "--svg")
    file = tmp_path / "run.svg"
    assert (await airlock(install, "runs", "graph", view.id, "-o", str(file))).code == 0
    assert drawn.out == file.read_text()
    assert ElementTree.fromstring(drawn.out).get("role") == "img"
    text = await airlock(install, "runs", "graph", view.id)
    assert [line.split()[1:4] for line in text.out.splitlines()[1:]] == [["─", "✓", "a"], ["─", "✓", "b"]]
    flow = await airlock(install, "workflows", "show", "log-drawn", "--svg")
    assert ElementTree.fromstring(flow.out).get("role") == "img"


async def test_a_run_whose_agents_say_nothing_has_no_row_and_the_command_says_so(install: Install) -> None:
    view = await install.run("log-silent", [{"id": "a"}])
    done = await airlock(install, "logs", "-f", view.id)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("no lines")
    assert await install.rows("SELECT 1 FROM agent_logs WHERE run_id = $1::uuid", view.id) == []
