"""The demo: bring everything up, run `security-review` on a repository, decide at the gate, sum up."""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from airlock_contracts.statuses import RunStatus, Verdict
from airlock_contracts.views import ApprovalView, RunView
from rich.console import Console

from ..client import AirlockClient
from ..errors import ProblemError
from ..local import shipped
from ..local.folder import DataFolder
from ..local.stack import Stack
from ..show.gate import show_approval
from ..show.live import Watch
from ..show.text import one_line, plain, safe, seconds, size
from ..workspaces import MEDIA_TYPE, pack_folder
from .summary import Summary, collect, show_summary

WORKFLOW = "security-review"
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_REJECTED = 2
PRECONDITION_FAILED = 412


class Demo:
    """One demo on one workspace. `decision` None asks a person."""

    def __init__(
        self, workspace: Path, decision: Verdict | None, results: Path | None, console: Console
    ) -> None:
        self._workspace = workspace
        self._decision = decision
        self._results = results
        self._console = console
        self._began = time.monotonic()

    async def run(self) -> int:
        """Do all of it; answers the exit code. Everything that was started is stopped, however it ends."""
        self._say(f"workspace: {plain(self._workspace)}")
        data = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="airlock-demo-"))
        try:
            await asyncio.to_thread(data.chmod, 0o711)
            self._say("building the agents' images where they changed")
            building = asyncio.create_task(shipped.build_images(self._say))
            try:
                code = await self._with_stack(data, building)
            finally:
                building.cancel()
                await asyncio.wait({building})
        finally:
            await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)
        return code

    async def _with_stack(self, data: Path, building: asyncio.Task[str]) -> int:
        folder = DataFolder(data / "data")
        stack = Stack(folder, port=0, say=self._say, before_host=building)
        async with stack:
            key = (await asyncio.to_thread(folder.admin_key.read_text)).strip()
            async with AirlockClient(stack.api_url, key) as client:
                names = await shipped.register(client, lambda _: None)
                self._say(f"agents: {', '.join(names)}")
                run, summary = await self._review(client)
            self._say("stopping everything that was started")
        return self._close(run, summary)

    async def _review(self, client: AirlockClient) -> tuple[RunView, Summary]:
        packed = await asyncio.to_thread(pack_folder, self._workspace)
        try:
            reference = await client.put_artifact(packed.path, MEDIA_TYPE)
        finally:
            await asyncio.to_thread(packed.path.unlink, missing_ok=True)
        skipped = f", {len(packed.skipped)} links and the like left out" if packed.skipped else ""
        self._say(
            f"workspace: {packed.files} files, {size(packed.size)}{skipped}; {reference.artifact[:19]}…"
        )
        accepted = await client.trigger(WORKFLOW, {"workspace": reference.model_dump(mode="json")})
        self._say(f"run {accepted.id} of {WORKFLOW} has started")
        self._console.print()
        watch = Watch(client, accepted.id, self._console)
        run, approval = await watch.until_gate()
        if approval is not None:
            run = await self._at_the_gate(client, watch, approval)
        return run, await collect(client, run, self._results)

    async def _at_the_gate(self, client: AirlockClient, watch: Watch, approval: ApprovalView) -> RunView:
        console = self._console
        console.print()
        show_approval(console, await client.approval(approval.id))
        stale = "0" * 64
        console.print(safe("first a decision about something else: payload_sha256 = 000…", style="bold"))
        try:
            await client.decide(approval.id, Verdict.APPROVED, stale)
        except ProblemError as error:
            problem = error.problem
            if problem.status != PRECONDITION_FAILED:
                raise
            console.print(safe(f"  refused: {problem.status} {problem.code}: {problem.title}", style="green"))
            console.print(safe(f"  {problem.detail}", style="dim"))
        else:
            raise AssertionError("a decision about another payload was taken")
        verdict = self._decision
        if verdict is None:
            verdict = await asyncio.to_thread(ask, console)
        decided = await client.decide(
            approval.id, verdict, approval.payload_sha256, notes="decided in the demo"
        )
        console.print(
            safe(f"now the one that was shown: {decided.status} by {one_line(decided.decided_by)}", "bold")
        )
        console.print()
        return await watch.until_end()

    def _close(self, run: RunView, summary: Summary) -> int:
        console = self._console
        console.print()
        show_summary(console, run, summary)
        console.print(f"the whole demo took {seconds(time.monotonic() - self._began)}")
        failure = run.failure
        if run.status is RunStatus.SUCCESS:
            console.print(f"SUCCESS {run.id}", highlight=False)
            return EXIT_OK
        if failure is not None and failure.code == "approval.rejected":
            console.print("Rejected: nothing was changed.")
            console.print(f"REJECTED {run.id}", highlight=False)
            return EXIT_REJECTED
        console.print(f"{run.status} {run.id}", highlight=False)
        return EXIT_FAILED

    def _say(self, text: str) -> None:
        took = time.monotonic() - self._began
        self._console.print(safe(f"{took:7.2f} s  {text}", style="dim"), highlight=False)


def ask(console: Console) -> Verdict:
    """Ask a person, until the answer is one. End of input rejects."""
    while True:
        try:
            answer = console.input("approve what is shown above? [yes/no] ").strip().lower()
        except EOFError:
            return Verdict.REJECTED
        if answer in ("y", "yes"):
            return Verdict.APPROVED
        if answer in ("n", "no"):
            return Verdict.REJECTED
