"""What a host asks of REST, with its token: agent versions, and artifacts both ways."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
from airlock_chassis.breaker import Breaker
from airlock_chassis.fatal import Fatal
from airlock_chassis.telemetry.traces import inject
from airlock_contracts.artifacts import CHUNK_BYTES, ArtifactRef
from airlock_contracts.manifest import AgentVersion
from airlock_contracts.messages import AttemptId
from pydantic import ValidationError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""Between two pieces of an answer, not of the whole: an artifact may take its time."""
MAX_AGENT_BYTES = 8 * 1024 * 1024
"""A manifest has up to 64 actions with two schemas each."""
NOBODY = "00000000-0000-7000-8000-000000000000"
"""An agent version that does not exist: asking for it tells whether our token is known."""


class ApiAway(Exception):
    """REST did not answer, or not now: worth asking again."""


class ApiRefused(Exception):
    """REST said no, and would again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """One pool of connections to REST. `close` it at the end."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        breaker: Breaker | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        self.breaker = breaker or Breaker("api")
        """Hears of every request whether REST answered; who has claimed nothing asks it for leave."""
        self._client = httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "airlock-agent-host"},
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,  # settings name the address; a proxy meant for something else must not get it
            transport=transport,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def check(self) -> None:
        """Does REST answer, and know our token? Raises ApiAway; Fatal when the token is refused."""
        status = await self._look()
        if status in (401, 403):
            raise Fatal(f"REST at {self.url} refused the host's token ({status})")

    async def ask(self) -> None:
        """Ask REST whether work could be had from it, and tell the breaker."""
        try:
            status = await self._look()
        except ApiAway as error:
            self.breaker.failed(str(error))
            return
        if _is_away(status):
            self.breaker.failed(f"REST answers {status}")
        else:
            self.breaker.succeeded()

    async def _look(self) -> int:
        """The status of an answer to a question that is always the same. Raises ApiAway."""
        try:
            return (await self._client.get(f"/api/agents/versions/{NOBODY}")).status_code
        except httpx2.HTTPError as error:
            raise ApiAway(_reason(error)) from error

    async def agent_version(self, version_id: str) -> AgentVersion:
        """Fetch a registration. Raises ApiAway, ApiRefused."""
        self._leave_alone()
        body = b""
        async with self._asking("GET", f"/api/agents/versions/{quote(version_id, safe='')}") as answer:
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MAX_AGENT_BYTES:
                    raise ApiRefused(answer.status_code, f"more than {MAX_AGENT_BYTES} bytes of registration")
        try:
            return AgentVersion.model_validate_json(body)
        except ValidationError as error:
            raise ApiRefused(200, f"no agent version: {error.error_count()} problems") from error

    async def get_artifact(self, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """Stream an artifact's bytes; the caller checks them. Raises ApiAway, ApiRefused."""
        self._leave_alone()
        async with self._asking("GET", f"/api/artifacts/{ref.sha256}") as answer:
            async for piece in answer.aiter_bytes(CHUNK_BYTES):
                yield piece

    async def put_artifact(
        self, ref: ArtifactRef, attempt: AttemptId, chunks: Callable[[], AsyncIterator[bytes]]
    ) -> None:
        """Put an artifact in the name of an attempt. Raises ApiAway, ApiRefused."""
        headers = {
            "Airlock-Attempt": str(attempt),
            "Content-Type": ref.media_type,
            "Content-Length": str(ref.size),
        }
        # The attempt may be claimed: it asks, whatever is known.
        async with self._asking(
            "PUT", f"/api/artifacts/{ref.sha256}", headers=headers, content=chunks()
        ) as answer:
            await answer.aread()

    def _leave_alone(self) -> None:
        """Raise ApiAway at once while it is known that REST does not answer: nothing was claimed yet."""
        if not self.breaker.closed:
            raise ApiAway("REST does not answer; the host asks it again by itself")

    def _away(self, reason: str) -> ApiAway:
        self.breaker.failed(reason)
        return ApiAway(reason)

    @asynccontextmanager
    async def _asking(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> AsyncIterator[httpx2.Response]:
        """Ask below the span that is open here: what an attempt fetches and puts is in its run's trace."""
        try:
            async with self._client.stream(method, path, headers=inject(headers), **request) as answer:
                if answer.is_success:
                    yield answer
                    self.breaker.succeeded()  # not before: one that begins answers, and never ends, is away
                    return
                problem = (await answer.aread())[:500].decode("utf-8", "replace")
        except httpx2.HTTPError as error:
            raise self._away(f"{method} {path}: {_reason(error)}") from error
        if _is_away(answer.status_code):
            raise self._away(f"{method} {path}: {answer.status_code} {problem}")
        self.breaker.succeeded()
        raise ApiRefused(answer.status_code, f"{method} {path}: {problem}")


def _is_away(status: int) -> bool:
    """Whether to ask again later. A token that is refused may be put right; it is no fault of an attempt."""
    return status >= 500 or status in (401, 403, 408, 429)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
