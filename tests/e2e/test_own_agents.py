"""Agents of one's own on the composed stack: built by the command line, registered from their folder, run."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import docker
from airlock_contracts.statuses import RunStatus
from e2e_install import Install

EXAMPLES = Path(__file__).parents[2] / "examples" / "agents"


async def airlock(install: Install, *arguments: str) -> tuple[int, str, str]:
    """Run a command for this install; answers exit code, stdout, stderr."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOCK_")}
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "airlock_client", *arguments],
        env=kept | {"AIRLOCK_HOME": str(install.stack.folder.path)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_shell_agent_is_built_registered_and_used_in_a_workflow(
    install: Install, tmp_path: Path, docker_client: docker.DockerClient
) -> None:
    image = f"airlock-test-line-counts-{uuid4().hex[:8]}"
    folder = tmp_path / "line-counts"
    shutil.copytree(EXAMPLES / "line-counts", folder)
    manifest = (folder / "agent.yaml").read_text().replace("image: line-counts\n", f"image: {image}\n")
    (folder / "agent.yaml").write_text(manifest)

    code, _, said = await airlock(install, "agents", "register", str(folder))
    assert code == 1
    assert f"airlock agents build {folder}" in said
    try:
        assert (await airlock(install, "agents", "build", str(folder)))[0] == 0
        registered = await airlock(install, "agents", "register", str(folder))
        again = await airlock(install, "agents", "register", str(folder))
        assert registered[1].startswith("registered line-counts@1.0.0"), registered
        assert again[1].startswith("unchanged  line-counts@1.0.0"), again

        given: dict[str, Any] = json.loads((folder / "input.json").read_text())
        node = {"id": "count", "agent": "line-counts", "action": "count", "inputs": given}
        run = await install.run("count-by-language", [node])
        assert run.status is RunStatus.SUCCESS
        output = json.loads(await install.client.node_output(run.id, "count"))
        assert (output["files"], output["lines"], output["blank"]) == (5, 10, 3)
    finally:
        for tag in [tag for one in docker_client.images.list(name=image) for tag in one.tags]:
            docker_client.images.remove(tag)
