"""What an install does while it is watched: runs that succeed, fail, wait, go through and are stopped."""

from pathlib import Path
from typing import Any

from airlock_client.cli.artifacts import put_workspace
from airlock_contracts.statuses import RunStatus, Verdict
from airlock_contracts.views import RunView
from e2e_install import Install

BAD: dict[str, Any] = {"id": "a", "agent": "hostile", "action": "attack", "inputs": {"how": "exit-1"}}
GREEDY: dict[str, Any] = BAD | {"inputs": {"how": "memory"}}
KILLED: dict[str, Any] = BAD | {"inputs": {"how": "kills-itself"}}
"""As far as its host can tell: its sandbox was lost."""
GATED: dict[str, Any] = {
    "id": "apply",
    "agent": "careful",
    "inputs": {"text": "x"},
    "approval": {"preview": "x"},
}


async def make_traffic(install: Install, folder: Path) -> None:
    """Make some of everything, once; `folder` is empty."""
    await install.client.trigger("approval-only", {"question": "May this wait?"})
    flaky = {"id": "a", "agent": "speaking", "action": "flaky", "inputs": {"succeeds_at": 2}}
    again = {"retry": {"max_attempts": 2, "base_delay": "1s"}}
    assert (await install.run("watched-again", [flaky | again])).status is RunStatus.SUCCESS
    assert (await install.run("watched-bad", [BAD])).status is RunStatus.FAILED
    assert (await install.run("watched-greedy", [GREEDY], tags=["watched"])).status is RunStatus.FAILED
    assert (await install.run("watched-killed", [KILLED])).status is RunStatus.FAILED
    assert (await decided(install, "watched-gate", Verdict.REJECTED)).status is RunStatus.FAILED
    assert (await decided(install, "watched-gate", Verdict.APPROVED)).status is RunStatus.SUCCESS
    await review(install, folder)


async def decided(install: Install, name: str, verdict: Verdict) -> RunView:
    """A run of one gated node, decided."""
    return await _decide(install, await install.start(name, [GATED]), verdict)


async def review(install: Install, folder: Path) -> RunView:
    """A run of security-review on a file that has nothing wrong, let through its gate."""
    (folder / "app.py").write_text("def add(a, b):\n    return a + b\n")
    workspace, _ = await put_workspace(install.client, folder)
    accepted = await install.client.trigger(
        "security-review", {"workspace": workspace.model_dump(mode="json")}
    )
    done = await _decide(install, accepted.id, Verdict.APPROVED)
    assert done.status is RunStatus.SUCCESS, done.failure
    return done


async def _decide(install: Install, run: str, verdict: Verdict) -> RunView:
    asked = await install.until_asked(run, "apply")
    await install.client.decide(asked.id, verdict, asked.payload_sha256)
    return await install.until_final(run)
