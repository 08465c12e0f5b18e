"""The demo: bring everything up, run `security-review` on a repository, decide at the gate, sum up."""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

from airlock_contracts.callers import COMMAND_LINE
from airlock_contracts.failures import APPROVAL_REJECTED
from airlock_contracts.statuses import Verdict
from airlock_contracts.views import ApprovalView, RunView
from rich.console import Console

from ..client import AirlockClient
from ..errors import ProblemError
from ..exits import of_run
from ..local import shipped
from ..local.folder import DataFolder
from ..local.stack import Stack
from ..show.ask import ask_yes
from ..show.gate import show_approval
from ..show.live import Watch
from ..show.packed import left_out
from ..show.text import one_line, plain, safe, seconds, size
from ..workspaces import MEDIA_TYPE, PackedFolder
from .probe import Probing, Seen, show_line
from .summary import Summary, collect, show_summary

WORKFLOW = "security-review"
PRECONDITION_FAILED = 412


class Demo:
    """One demo on one workspace. `decision` None asks a person."""

    def __init__(
        self,
        workspace: Path,
        packed: PackedFolder,
        decision: Verdict | None,
        results: Path | None,
        console: Console,
    ) -> None:
        self._workspace = workspace
        self._packed = packed
        self._decision = decision
        self._results = results
        self._console = console
        self._began = time.monotonic()
        self._phases: list[tuple[str, float]] = []

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

    async def _with_stack(self, data: Path, building: asyncio.Task[dict[str, str]]) -> int:
        folder = DataFolder(data / "data")
        stack = Stack(folder, port=0, say=self._say, before_host=building)
        async with stack:
            key = (await asyncio.to_thread(folder.admin_key.read_text)).strip()
            async with AirlockClient(stack.api_url, key, program=COMMAND_LINE) as client:
                names = await shipped.register(client, folder.path, await building, lambda _: None)
                self._say(f"agents: {', '.join(names)}")
                self._phase("start")
                async with Probing(client) as probing:
                    run, summary = await self._review(client)
                    seen = await probing.seen()
            self._say("stopping everything that was started")
        self._phase("stop")
        return self._close(run, summary, seen)

    async def _review(self, client: AirlockClient) -> tuple[RunView, Summary]:
        packed = self._packed
        reference = await client.put_artifact(packed.path, MEDIA_TYPE)
        self._say(f"workspace: {packed.files} files, {size(packed.size)}; {reference.artifact[:19]}…")
        for line in left_out(packed):
            self._say(line)
        accepted = await client.trigger(WORKFLOW, {"workspace": reference.model_dump(mode="json")})
        self._say(f"run {accepted.id} of {WORKFLOW} has started")
        self._console.print()
        watch = Watch(client, accepted.id, self._console)
        run, approval = await watch.until_gate()
        self._phase("scan and propose")
        if approval is not None:
            await self._at_the_gate(client, approval)
            self._phase("gate")
            run = await watch.until_end()
            self._phase("apply and notify")
        return run, await collect(client, run, self._results)

    async def _at_the_gate(self, client: AirlockClient, approval: ApprovalView) -> None:
        console = self._console
        show_approval(console, await client.approval(approval.id))
        stale = "0" * 64
        console.print(safe("first a decision about something else: payload_sha256 = 000…", style="bold"))
        try:
            await client.decide(approval.id, Verdict.APPROVED, stale)
        except ProblemError as error:
            problem = error.problem
            if problem.status != PRECONDITION_FAILED:
                raise
            console.print(safe(f"  refused: {problem.status} {problem.code}", style="green"))
            console.print(safe(f"  {problem.title.rstrip('.')}: {problem.detail}", style="dim"))
        else:
            raise AssertionError("a decision about another payload was taken")
        verdict = self._decision
        if verdict is None:
            agreed = await ask_yes("approve what is shown above?")
            verdict = Verdict.APPROVED if agreed else Verdict.REJECTED
        decided = await client.decide(
            approval.id, verdict, approval.payload_sha256, notes="decided in the demo"
        )
        word = f"now the one that was shown: {decided.status} by {one_line(decided.decided_by)}"
        console.print(safe(word, style="bold"))
        console.print()

    def _close(self, run: RunView, summary: Summary, seen: Seen) -> int:
        console = self._console
        show_summary(console, run, summary)
        times = [f"{name} {seconds(took)}" for name, took in self._phases]
        console.print(
            safe(f"{', '.join(times)}; all of it {seconds(time.monotonic() - self._began)}", style="dim")
        )
        failure = run.failure
        rejected = failure is not None and failure.code == APPROVAL_REJECTED
        if rejected:
            console.print("Rejected: nothing was changed.")
        code = show_line(console, seen, of_run(run.status))
        console.print(safe(f"{'REJECTED' if rejected else run.status} {run.id}"))
        return code

    def _say(self, text: str) -> None:
        took = time.monotonic() - self._began
        self._console.print(safe(f"{took:7.2f} s  {text}", style="dim"), soft_wrap=True)

    def _phase(self, name: str) -> None:
        """A phase has ended here; it began where the one before ended."""
        now = time.monotonic() - self._began
        self._phases.append((name, now - sum(took for _, took in self._phases)))
