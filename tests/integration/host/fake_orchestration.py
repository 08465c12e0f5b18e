"""The other side of a host: NATS responders, a consumer of reports, and REST for agents and artifacts."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from airlock_chassis.bus import Bus, Message, Request
from airlock_contracts.manifest import AgentVersion, Manifest, agent_content_sha256
from airlock_contracts.messages import (
    AttemptId,
    CancelBroadcast,
    ClaimAnswer,
    ClaimReply,
    ClaimRequest,
    HeartbeatReply,
    HeartbeatRequest,
    HeldAttempt,
    Holding,
    ImageReply,
    ImageRequest,
    Invocation,
    Report,
)
from airlock_contracts.payload import Payload, sha256_hex
from airlock_contracts.subjects import AttemptSubject
from nats_side import NatsSide

LEASE_SECONDS = 30.0
TOKEN = "host-token-of-the-tests"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def until(fact: Callable[[], Any], *, seconds: float = 30.0) -> None:
    """Wait until something is true; time is only the limit."""
    async with asyncio.timeout(seconds):
        while not fact():
            await asyncio.sleep(0.01)


class FakeOrchestration(NatsSide):
    """Answers as told; by default grants every claim and settles what was reported."""

    def __init__(self, bus: Bus, prefix: str, image: str) -> None:
        super().__init__(bus, prefix)
        self.image = image
        self.claims: list[ClaimRequest] = []
        self.beats: list[HeartbeatRequest] = []
        self.reports: list[tuple[Report, bytes]] = []
        self.report_headers: list[dict[str, str]] = []
        self.holdings: dict[str, Holding] = {}
        """What is answered for an attempt, whatever else is known."""
        self.grant: Callable[[ClaimRequest], ClaimReply | None] = self.granted
        self.agents: dict[str, AgentVersion] = {}
        self.artifacts: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        """Requests to REST: method, path, headers."""
        self.payloads: dict[str, Payload] = {}
        self.refusals: list[int] = []
        """Statuses that the next requests to REST get instead of an answer."""
        self._sent: dict[str, tuple[str, bytes]] = {}
        self.url = ""
        self._http: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.streams.declare(self.layout.pool_consumer("default"))
        await self.bus.respond(self.subjects.claim, self._claim)
        await self.bus.respond(self.subjects.heartbeat, self._heartbeat)
        self._http = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._http.sockets[0].getsockname()[1]}"
        await self.consume(self.layout.reports_consumer(), self._report)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._http is not None
        await self.stop_consuming()
        self._http.close()
        for spec in self.layout.streams:
            await self.bus.jetstream.delete_stream(spec.name)

    def register(self, command: list[str], *, actions: Any = None, **fields: Any) -> AgentVersion:
        """Register an agent of the base image."""
        manifest = Manifest.model_validate(
            {
                "name": "test-agent",
                "version": "1.0.0",
                "type": "SCRIPT",
                "image": "airlock-base",
                "command": command,
                "actions": actions or {"go": {"input_schema": {}, "output_schema": {}}},
                **fields,
            }
        )
        version = AgentVersion(
            id=str(uuid.uuid4()),
            project="default",
            manifest=manifest,
            image_digest=self.image,
            content_sha256=agent_content_sha256(manifest, self.image),
            created_at=datetime.now(UTC),
            created_by="test",
        )
        self.agents[version.id] = version
        return version

    async def dispatch(
        self,
        agent: AgentVersion,
        document: Any = None,
        *,
        node: str = "scan",
        timeout: float = 30.0,
        claim_first: bool = False,
    ) -> str:
        """Send one invocation; answers the attempt's id."""
        attempt = AttemptId(run=str(uuid.uuid4()), node=node, number=1)
        body = json.dumps(document if document is not None else {}).encode()
        header = Invocation(
            project="default",
            attempt=attempt,
            agent=agent.reference,
            agent_version_id=agent.id,
            action="go",
            claim_first=claim_first,
            preview_sha256=sha256_hex(b""),
            timeout_seconds=timeout,
        )
        self.payloads[str(attempt)] = Payload(
            "default", attempt.run, node, agent.content_sha256, "go", sha256_hex(body), sha256_hex(b"")
        )
        subject = self.subjects.invocation(AttemptSubject("default", attempt.run, node, 1))
        self._sent[str(attempt)] = (subject, header.encode(body))
        await self.send(str(attempt))
        return str(attempt)

    async def send(self, attempt: str) -> None:
        """Publish an invocation, again with a message id of its own as the sweeper does."""
        subject, payload = self._sent[attempt]
        await self.publisher.publish(
            subject, payload, msg_id=f"{attempt}/{uuid.uuid4()}", headers={"traceparent": TRACEPARENT}
        )

    def granted(self, request: ClaimRequest) -> ClaimReply:
        """A grant of exactly what was dispatched."""
        payload = self.payloads[str(request.attempt)].sha256
        return ClaimReply(answer=ClaimAnswer.GRANTED, payload_sha256=payload, lease_seconds=LEASE_SECONDS)

    def refused(self, request: ClaimRequest) -> ClaimReply:
        """A refusal."""
        return ClaimReply(answer=ClaimAnswer.REFUSED)

    async def cancel(self, *attempts: str) -> None:
        """Broadcast."""
        ids = [AttemptId.parse(attempt) for attempt in attempts]
        await self.bus.publish(self.subjects.cancel, CancelBroadcast(attempts=ids).encode())

    async def ask_image(self, pool: str, image: str, timeout: float = 5.0) -> ImageReply:
        """What a host of that pool says about an image."""
        request = ImageRequest(pool=pool, image=image)
        return ImageReply.decode(
            await self.bus.request(self.subjects.image, request.encode(), timeout=timeout)
        )[0]

    async def report_of(self, attempt: str, *, seconds: float = 30.0) -> tuple[Report, bytes]:
        """The first report about an attempt."""
        await until(lambda: self.reports_of(attempt), seconds=seconds)
        return self.reports_of(attempt)[0]

    def reports_of(self, attempt: str) -> list[tuple[Report, bytes]]:
        """All reports about an attempt."""
        return [one for one in self.reports if str(one[0].attempt) == attempt]

    @property
    def puts(self) -> list[tuple[str, dict[str, str]]]:
        """The artifacts that were put: digest and headers."""
        return [(path.rpartition("/")[2], headers) for method, path, headers in self.asked if method == "PUT"]

    def claims_of(self, attempt: str) -> list[ClaimRequest]:
        """All claims of an attempt."""
        return [one for one in self.claims if str(one.attempt) == attempt]

    async def waiting_invocations(self) -> int:
        """Invocations in the stream: those not acked yet."""
        name = self.subjects.invocations_stream
        return int((await self.bus.jetstream.stream_info(name)).state.messages)

    async def _claim(self, request: Request) -> bytes | None:
        asked, _ = ClaimRequest.decode(request.payload)
        self.claims.append(asked)
        reply = self.grant(asked)
        return None if reply is None else reply.encode()

    async def _heartbeat(self, request: Request) -> bytes | None:
        beat, _ = HeartbeatRequest.decode(request.payload)
        self.beats.append(beat)
        answers = {str(one.attempt): self._holding(one) for one in beat.held}
        return HeartbeatReply(lease_seconds=LEASE_SECONDS, holdings=answers).encode()

    def _holding(self, one: HeldAttempt) -> Holding:
        id_ = str(one.attempt)
        if id_ in self.holdings:
            return self.holdings[id_]
        if any(report.token == one.token for report, _ in self.reports_of(id_)):
            return Holding.SETTLED
        claimed = any(claim.token == one.token for claim in self.claims_of(id_))
        return Holding.HELD if claimed else Holding.UNCLAIMED

    async def _report(self, message: Message) -> None:
        self.report_headers.append(dict(message.headers))
        self.reports.append(Report.decode(message.payload))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                headers = {
                    key.lower(): value.strip()
                    for key, _, value in (line.partition(":") for line in lines[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, answer = self._answer(method, path, headers, body)
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, b"{}"
        if self.refusals:
            return self.refusals.pop(), b"{}"
        self.asked.append((method, path, headers))
        name = path.rpartition("/")[2]
        if path.startswith("/api/agents/versions/"):
            found = self.agents.get(name)
            return (200, found.model_dump_json().encode()) if found else (404, b"{}")
        if method == "PUT":
            assert hashlib.sha256(body).hexdigest() == name
            self.artifacts[name] = body
            return 201, b"{}"
        return (200, self.artifacts[name]) if name in self.artifacts else (404, b"{}")
