"""The async REST client: one method per call, contracts in and out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx2
from airlock_contracts.artifacts import ArtifactRef
from airlock_contracts.base import Message
from airlock_contracts.callers import CLIENT
from airlock_contracts.events import Event, EventType
from airlock_contracts.explanations import Explanation
from airlock_contracts.logs import LogStream, LogView
from airlock_contracts.problems import Problem
from airlock_contracts.statuses import ApprovalStatus, RunStatus, Verdict
from airlock_contracts.views import (
    AgentView,
    ApprovalView,
    ArtifactView,
    HostView,
    Page,
    RunAccepted,
    RunSummary,
    RunView,
    WorkflowView,
)
from pydantic import ValidationError

from .errors import ProblemError, ServerUnreachable, UnexpectedAnswer
from .streams import Sent, follow
from .transfers import CHUNK_BYTES, digest_of, pieces, save

_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_READ_TRIES = 3
_FIRST_PAUSE = 0.2
_MAX_RETRY_AFTER = 30.0

View = TypeVar("View", bound=Message)


class AirlockClient:
    """Calls Airlock at `url` with a key. `async with` closes its connections.

    Every method raises ServerUnreachable, ProblemError, UnexpectedAnswer. Only reads are tried again.
    """

    def __init__(self, url: str, key: str, *, program: str = CLIENT) -> None:
        """`program` is how the caller names itself."""
        self.url = url.rstrip("/")
        self._http = httpx2.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}", "User-Agent": program},
            timeout=_TIMEOUT,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    # --- agents and workflows -----------------------------------------------------------------

    async def register_agent(self, manifest: bytes) -> tuple[AgentView, bool]:
        """Register a manifest (YAML or JSON); answers the agent version and whether it is new."""
        answer = await self._send("POST", "/api/agents", content=manifest, headers=_YAML)
        return _parse(AgentView, answer), answer.status_code == httpx2.codes.CREATED

    async def agents(self, *, name: str | None = None, cursor: str | None = None) -> Page[AgentView]:
        """One page of agent versions."""
        return await self._page(AgentView, "/api/agents", name=name, cursor=cursor)

    async def agent(self, reference: str) -> AgentView:
        """One agent version: id, name (the newest) or `name@version`."""
        return _parse(AgentView, await self._get(f"/api/agents/{_quoted(reference)}"))

    async def apply_workflow(
        self, document: bytes, *, only_on: str | None = None, only_new: bool = False
    ) -> tuple[WorkflowView, bool]:
        """Apply a workflow (YAML or JSON); answers it and whether this is a new version.

        `only_on`: only if the newest version still has this tag; `only_new`: only if there is none.
        """
        asked = {"If-Match": only_on} if only_on is not None else {}
        asked |= {"If-None-Match": "*"} if only_new else {}
        answer = await self._send("POST", "/api/workflows", content=document, headers={**_YAML, **asked})
        return _parse(WorkflowView, answer), answer.status_code == httpx2.codes.CREATED

    async def workflows(self, *, cursor: str | None = None) -> Page[WorkflowView]:
        """One page of workflows in their newest versions."""
        return await self._page(WorkflowView, "/api/workflows", cursor=cursor)

    async def workflow(self, reference: str, version: int | None = None) -> WorkflowView:
        """One workflow by id or name."""
        return _parse(WorkflowView, await self._get(f"/api/workflows/{_quoted(reference)}", version=version))

    async def tagged_workflow(self, reference: str, version: int | None = None) -> tuple[WorkflowView, str]:
        """The same, with the tag that `apply_workflow` takes as `only_on`."""
        answer = await self._get(f"/api/workflows/{_quoted(reference)}", version=version)
        return _parse(WorkflowView, answer), answer.headers.get("ETag", "")

    # --- runs ---------------------------------------------------------------------------------

    async def trigger(
        self,
        workflow: str,
        context: object,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
    ) -> RunAccepted:
        """Start a run. With an idempotency key a repetition answers the same run."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        body = {"context": context} | ({"version": version} if version is not None else {})
        answer = await self._send(
            "POST", f"/api/workflows/{_quoted(workflow)}/trigger", json=body, headers=headers
        )
        return _parse(RunAccepted, answer)

    async def runs(
        self,
        *,
        status: RunStatus | None = None,
        workflow: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page[RunSummary]:
        """One page of runs, the newest first."""
        return await self._page(
            RunSummary, "/api/runs", status=status, workflow=workflow, cursor=cursor, limit=limit
        )

    async def run(self, run: str) -> RunView:
        """A run whole."""
        return _parse(RunView, await self._get(f"/api/runs/{_quoted(run)}"))

    async def explain(self, run: str) -> Explanation:
        """Why a run stands where it stands: for whom or what it waits, and what happens next."""
        return _parse(Explanation, await self._get(f"/api/runs/{_quoted(run)}/explain"))

    async def cancel(self, run: str, reason: str = "") -> RunView:
        """Ask a run to end."""
        answer = await self._send("POST", f"/api/runs/{_quoted(run)}/cancel", json={"reason": reason})
        return _parse(RunView, answer)

    async def retry(self, run: str) -> RunAccepted:
        """Start a new run that copies what succeeded in one that did not."""
        return _parse(RunAccepted, await self._send("POST", f"/api/runs/{_quoted(run)}/retry"))

    async def run_graph(self, run: str) -> bytes:
        """A run's DAG as it stands, as SVG."""
        return (await self._get(f"/api/runs/{_quoted(run)}/graph.svg")).content

    async def workflow_graph(self, reference: str, version: int | None = None) -> bytes:
        """A workflow's DAG, as SVG."""
        return (await self._get(f"/api/workflows/{_quoted(reference)}/graph.svg", version=version)).content

    async def node_output(self, run: str, node: str) -> bytes:
        """A node's accepted output, byte for byte."""
        return (await self._get(f"/api/runs/{_quoted(run)}/nodes/{_quoted(node)}/output")).content

    async def events(self, run: str, after: int = 0) -> AsyncIterator[Event]:
        """A run's events after number `after`, then live, until it has ended; reconnects by itself."""
        async for sent in self._follow(f"/api/runs/{_quoted(run)}/events", after, EventType.RUN_FINISHED):
            yield _read(Event, sent.data, f"/api/runs/{run}/events")

    async def logs(
        self,
        run: str,
        *,
        after: int = 0,
        node: str | None = None,
        attempt: int | None = None,
        stream: LogStream | None = None,
        limit: int | None = None,
    ) -> Page[LogView]:
        """One page of what a run's agents said, the oldest first; its cursor is given as `after`."""
        path = f"/api/runs/{_quoted(run)}/logs"
        return await self._page(
            LogView, path, after=after, node=node, attempt=attempt, stream=stream, limit=limit
        )

    async def follow_logs(
        self,
        run: str,
        *,
        after: int = 0,
        node: str | None = None,
        attempt: int | None = None,
        stream: LogStream | None = None,
    ) -> AsyncIterator[LogView]:
        """What a run's agents said behind id `after`, then live, until it has ended; reconnects by itself."""
        path = f"/api/runs/{_quoted(run)}/logs"
        async for sent in self._follow(path, after, "end", node=node, attempt=attempt, stream=stream):
            if sent.event == "line":
                yield _read(LogView, sent.data, path)

    async def _follow(self, path: str, after: int, last: str, **query: object) -> AsyncIterator[Sent]:
        try:
            async for sent in follow(self._http, path, after, last=last, query=query, refuse=_raise):
                yield sent
        except httpx2.TransportError as error:
            raise ServerUnreachable(self._unreachable(error)) from error

    # --- approvals ----------------------------------------------------------------------------

    async def approvals(
        self, *, status: ApprovalStatus | None = None, run: str | None = None, cursor: str | None = None
    ) -> Page[ApprovalView]:
        """One page of approvals."""
        return await self._page(ApprovalView, "/api/approvals", status=status, run=run, cursor=cursor)

    async def approval(self, approval: str) -> ApprovalView:
        """One approval, with the input whole."""
        return _parse(ApprovalView, await self._get(f"/api/approvals/{_quoted(approval)}"))

    async def decide(
        self, approval: str, verdict: Verdict, payload_sha256: str, notes: str = ""
    ) -> ApprovalView:
        """Decide, naming the hash of what was shown."""
        body = {"decision": verdict.value, "payload_sha256": payload_sha256, "notes": notes}
        answer = await self._send("POST", f"/api/approvals/{_quoted(approval)}/decision", json=body)
        return _parse(ApprovalView, answer)

    # --- artifacts and hosts ------------------------------------------------------------------

    async def put_artifact(self, path: Path, media_type: str) -> ArtifactRef:
        """Put a file, streamed; answers the reference that contexts and inputs name it by.

        A parameter of the media type, such as a charset, is no part of a reference.
        """
        media_type = media_type.partition(";")[0].strip().lower()
        digest, size = await asyncio.to_thread(digest_of, path)
        answer = await self._send(
            "PUT",
            f"/api/artifacts/{digest}",
            content=pieces(path),
            headers={"Content-Type": media_type, "Content-Length": str(size)},
            timeout=httpx2.Timeout(300.0, connect=5.0),
        )
        view = _parse(ArtifactView, answer)
        return ArtifactRef(artifact=view.artifact, size=view.size, media_type=media_type)

    async def get_artifact(self, sha256: str, path: Path) -> int:
        """Write an artifact to a file, streamed and checked; answers its size in bytes."""
        bare = sha256.removeprefix("sha256:")
        try:
            async with self._http.stream("GET", f"/api/artifacts/{_quoted(bare)}") as answer:
                if answer.is_error:
                    await answer.aread()
                    _raise(answer)
                return await save(answer.aiter_bytes(CHUNK_BYTES), path, bare)
        except httpx2.TransportError as error:
            raise ServerUnreachable(self._unreachable(error)) from error

    async def artifacts(self, *, run: str | None = None, cursor: str | None = None) -> Page[ArtifactView]:
        """One page of artifacts, those put last first; with a run those that it names."""
        return await self._page(ArtifactView, "/api/artifacts", run=run, cursor=cursor)

    async def hosts(self) -> list[HostView]:
        """All agent hosts, by name."""
        page = await self._page(HostView, "/api/hosts")
        found = page.items
        while page.next_cursor is not None:
            page = await self._page(HostView, "/api/hosts", cursor=page.next_cursor)
            found = found + page.items
        return found

    async def health(self) -> dict[str, Any]:
        """What the service says about itself, well or not."""
        answer = await self._request("GET", "/health/detailed")
        found: dict[str, Any] = answer.json()
        return found

    async def metrics(self) -> str:
        """The service's metrics, in Prometheus' text format."""
        return (await self._get("/metrics")).text

    # --- how it is sent -----------------------------------------------------------------------

    async def _page(self, view: type[View], path: str, **query: object) -> Page[View]:
        answer = await self._get(path, **query)
        return _parse(Page[view], answer)  # type: ignore[valid-type]

    async def _get(self, path: str, **query: object) -> httpx2.Response:
        asked = {name: str(value) for name, value in query.items() if value is not None}
        for left in reversed(range(_READ_TRIES)):
            try:
                return await self._send("GET", path, params=asked)
            except ServerUnreachable:
                if not left:
                    raise
                pause = _FIRST_PAUSE
            except ProblemError as error:
                if not left or not error.problem.retryable:
                    raise
                pause = min(_MAX_RETRY_AFTER, error.retry_after or _FIRST_PAUSE)
            await asyncio.sleep(pause * (_READ_TRIES - left))
        raise AssertionError("unreachable")

    async def _send(self, method: str, path: str, **how: Any) -> httpx2.Response:
        answer = await self._request(method, path, **how)
        if answer.is_error:
            _raise(answer)
        return answer

    async def _request(self, method: str, path: str, **how: Any) -> httpx2.Response:
        try:
            return await self._http.request(method, path, **how)
        except httpx2.TransportError as error:
            raise ServerUnreachable(self._unreachable(error)) from error

    def _unreachable(self, error: Exception) -> str:
        return f"nothing answers at {self.url}: {error or type(error).__name__}"


_YAML: Mapping[str, str] = {"Content-Type": "application/yaml"}


def _parse(view: type[View], answer: httpx2.Response) -> View:
    return _read(view, answer.content, answer.request.url.path)


def _read(view: type[View], answered: str | bytes, path: str) -> View:
    try:
        return view.model_validate_json(answered)
    except ValidationError as error:
        raise UnexpectedAnswer(f"{path} answered something else: {error}") from error


def _raise(answer: httpx2.Response) -> None:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"{answer.request.url} answered {answer.status_code} and no problem document"
        ) from error
    after = answer.headers.get("Retry-After", "")
    raise ProblemError(problem, float(after) if after.isdecimal() else None)


def _quoted(part: str) -> str:
    """One segment of a path."""
    return quote(part, safe="@")
