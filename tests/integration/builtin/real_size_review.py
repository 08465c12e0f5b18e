"""`security-review` of a workspace of real size, on a real host through the API: `make real-size`.

It takes longer than the whole suite may, so it is none of its tests; pytest runs it where it is named.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airlock_client.client import AirlockClient
from airlock_client.local import shipped
from airlock_client.local.folder import DataFolder
from airlock_client.local.stack import Stack
from airlock_client.workspaces import MEDIA_TYPE, pack_folder
from airlock_contracts.statuses import ApprovalStatus, RunStatus, Verdict
from airlock_contracts.views import ApprovalView, RunView

from .real_size import Tree, make

WAIT_SECONDS = 3000.0
SILENT: Callable[[str], None] = lambda _: None  # noqa: E731


@pytest.fixture
def no_blocking_call() -> None:
    """The machine has nothing else to do than this one run."""


@pytest.fixture
def tree() -> Iterator[Tree]:
    folder = Path(tempfile.mkdtemp(prefix="airlock-real-size-"))
    folder.chmod(0o711)
    (folder / "tree").mkdir()
    yield make(folder / "tree")
    shutil.rmtree(folder)


@pytest.fixture
async def client(tree: Tree) -> AsyncIterator[AirlockClient]:
    folder = DataFolder(tree.root.parent / "data")
    images = asyncio.create_task(shipped.build_images(SILENT))
    async with Stack(folder, port=0, say=SILENT, before_host=images) as stack:
        key = folder.admin_key.read_text().strip()
        async with AirlockClient(stack.api_url, key) as client:
            await shipped.register(client, folder.path, await images, SILENT)
            yield client


async def until_asked_or_ended(client: AirlockClient, run: str) -> ApprovalView | None:
    async for _ in client.events(run):
        asked = await client.approvals(run=run, status=ApprovalStatus.PENDING)
        if asked.items:
            return asked.items[0]
    return None


async def outputs_of(client: AirlockClient, run: RunView) -> dict[str, Any]:
    return {node.id: json.loads(await client.node_output(run.id, node.id)) for node in run.nodes}


def told(run: RunView) -> str:
    """How long each node's sandbox took."""
    lines = []
    for node in run.nodes:
        usage = node.attempts[-1].usage
        assert usage is not None
        assert usage.run_ms is not None
        lines.append(f"  {node.id} {usage.run_ms / 1000:.0f} s")
    return "\n".join(lines)


@pytest.mark.timeout(WAIT_SECONDS)
async def test_a_workspace_of_fifty_megabytes_and_twenty_thousand_findings_is_reviewed(
    tree: Tree, client: AirlockClient, tell_figure: Callable[[str], None]
) -> None:
    assert tree.size > 50_000_000
    assert tree.for_scanner.total() > 20_000
    began = time.monotonic()
    packed = await asyncio.to_thread(pack_folder, tree.root)
    reference = await client.put_artifact(packed.path, MEDIA_TYPE)
    packed.path.unlink()
    accepted = await client.trigger("security-review", {"workspace": reference.model_dump(mode="json")})
    approval = await until_asked_or_ended(client, accepted.id)
    assert approval is not None, (await client.run(accepted.id)).failure
    await client.decide(approval.id, Verdict.APPROVED, approval.payload_sha256)
    async for _ in client.events(accepted.id):
        pass  # until it has ended
    seconds = time.monotonic() - began
    run = await client.run(accepted.id)
    assert run.status is RunStatus.SUCCESS, run.failure
    outputs = await outputs_of(client, run)
    found = outputs["scan"]["summary"]
    tell_figure(
        f"security-review of {tree.size / 1e6:.0f} MB in {tree.files} files, in {seconds:.0f} s: "
        f"{found['total']} findings, {outputs['review']['summary']['total']} issues, "
        f"{outputs['comply']['summary']['total']} violations, "
        f"{outputs['propose']['stats']['fixed']} mended\n{told(run)}"
    )
    assert found["by_type"] == tree.for_scanner
    assert outputs["scan"]["skipped_total"] == 0
    assert outputs["review"]["summary"]["by_type"]["quality"] == tree.planted["quality"]
    assert outputs["comply"]["summary"]["by_scope"]["secrets"] == tree.planted["secrets"]
    # Of what is handed in 1,000 of a kind are read, first those that can be mended; a diff has its bounds.
    assert 500 < outputs["propose"]["stats"]["fixed"] <= 1000
    assert outputs["apply"]["files_changed_total"] == outputs["propose"]["stats"]["files"]
