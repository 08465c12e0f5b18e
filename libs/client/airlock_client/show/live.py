"""A run as it goes: a picture that moves in a terminal, lines anywhere else."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from airlock_contracts.events import Event, EventType
from airlock_contracts.logs import LogStream, LogView
from airlock_contracts.statuses import ApprovalStatus, RunStatus
from airlock_contracts.views import ApprovalView, RunView
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from ..client import AirlockClient
from ..errors import ClientError
from .graph import Picture, headed
from .text import one_line, status

_FRAMES_PER_SECOND = 5
_MANY_NODES = 200
"""A picture of more is drawn once a second: it takes a while, and nobody can follow more."""
_PAUSE_SECONDS = 0.4
"""Between two looks at a run, however many events come."""
_LOOK_SHARE = 4
"""A large run, which takes long to read, is looked at less often: so many times its reading's time apart."""
PROGRESS_SECONDS = 10.0
"""Where lines are written: between two about one node's progress."""
_LINES_BELOW = 2
"""Of the screen, left free below the picture."""

_NEWS = frozenset(
    {
        EventType.NODE_RUNNING,
        EventType.NODE_RETRYING,
        EventType.NODE_FINISHED,
        EventType.ATTEMPT_LOST,
        EventType.APPROVAL_REQUESTED,
        EventType.APPROVAL_DECIDED,
        EventType.RUN_CANCELLING,
        EventType.RUN_FINISHED,
    }
)


class Watch:
    """Follows one run on the screen, from where it was left."""

    def __init__(self, client: AirlockClient, run: str, console: Console) -> None:
        self._client = client
        self._run = run
        self._console = console
        self._seen = 0
        self._view: RunView
        self._said: dict[str, LogView] = {}
        self._heard = 0

    async def until_end(self) -> RunView:
        """Show the run until it has ended."""
        return await self._follow(to_gate=False)

    async def until_gate(self) -> tuple[RunView, ApprovalView | None]:
        """Show the run until it waits for a decision, or has ended."""
        run = await self._follow(to_gate=True)
        return run, open_approval(run)

    async def _follow(self, *, to_gate: bool) -> RunView:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            return await self._drawn(to_gate)
        telling = asyncio.create_task(self._tell_progress())
        try:
            async for event in self._news(to_gate):
                if event.type in _NEWS:
                    self._console.print(line(event), soft_wrap=True)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        return await self._client.run(self._run)

    async def _drawn(self, to_gate: bool) -> RunView:
        """Show the picture. It is drawn anew also between the events, so that the times go on."""
        self._view = await self._client.run(self._run)
        news, over = asyncio.Event(), asyncio.Event()
        listening = asyncio.create_task(self._progress())
        try:
            frames = _FRAMES_PER_SECOND if len(self._view.nodes) <= _MANY_NODES else 1
            with Live(get_renderable=self._picture, console=self._console, refresh_per_second=frames):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._look(news, over))
                    async for _ in self._news(to_gate):
                        news.set()
                    over.set()
                    news.set()
        except* ClientError as errors:
            raise errors.exceptions[0] from None
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return self._view

    def _picture(self) -> RenderableType:
        width, height = self._console.size
        picture = Picture(self._view, datetime.now(UTC), self._said)
        return headed(picture, width=width, lines=max(1, height - _LINES_BELOW))

    async def _look(self, news: asyncio.Event, over: asyncio.Event) -> None:
        """Read the run anew when there is news: once for all that came meanwhile, and once at the end."""
        while True:
            await news.wait()
            news.clear()
            is_last = over.is_set()
            began = time.monotonic()
            self._view = await self._client.run(self._run)
            if is_last:
                return
            await _set_within(over, max(_PAUSE_SECONDS, _LOOK_SHARE * (time.monotonic() - began)))

    async def _progress(self) -> None:
        """Keep the newest progress of each node. It is a convenience: without it the picture goes on."""
        try:
            async for said in self._client.follow_logs(
                self._run, after=self._heard, stream=LogStream.PROGRESS
            ):
                self._heard, self._said[said.node] = said.id, said
        except ClientError:
            return

    async def _tell_progress(self) -> None:
        """Write the newest progress of nodes that say something, now and then: a long silence looks dead."""
        listening = asyncio.create_task(self._progress())
        try:
            while True:
                told = self._heard
                await asyncio.sleep(PROGRESS_SECONDS)
                for said in self._said.values():
                    if said.id > told:
                        self._console.print(progress_line(said), soft_wrap=True)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _news(self, to_gate: bool) -> AsyncIterator[Event]:
        events = self._client.events(self._run, after=self._seen)
        async for event in events:
            self._seen = event.seq
            yield event
            if to_gate and event.type is EventType.RUN_WAITING and await self._waits():
                return

    async def _waits(self) -> bool:
        """Whether it waits now: what the journal tells may be long decided."""
        return (await self._client.run(self._run)).status is RunStatus.WAITING_APPROVAL


def open_approval(run: RunView) -> ApprovalView | None:
    """The first approval of a run that waits for a decision."""
    for node in run.nodes:
        if node.approval is not None and node.approval.status is ApprovalStatus.PENDING:
            return node.approval
    return None


def line(event: Event) -> Text:
    """An event as a line."""
    text = Text(f"{event.at.astimezone(UTC):%H:%M:%S}  ", style="dim")
    text.append(f"{event.type:<20}", style="")
    text.append(f"{event.node or '':<13} ")
    data = event.data
    if "status" in data:
        text.append_text(status(data["status"]))
    if isinstance(data.get("failure"), dict):
        text.append(f"  {data['failure'].get('code')}: {one_line(data['failure'].get('message'), 120)}")
    if "host" in data:
        text.append(f"attempt {data.get('attempt')} on {one_line(data['host'], 63)}")
    if event.type is EventType.APPROVAL_DECIDED:
        text.append(f" by {one_line(event.principal, 60)}")
    return text


def progress_line(said: LogView) -> Text:
    """What an agent says of how far it is, as a line like those of events."""
    text = Text(f"{said.at.astimezone(UTC):%H:%M:%S}  ", style="dim")
    text.append(f"{'progress':<20}{said.node:<13} ", style="")
    share = f"{said.fraction:.0%} " if said.fraction is not None else ""
    text.append(share + one_line(said.message, 120))
    return text


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
