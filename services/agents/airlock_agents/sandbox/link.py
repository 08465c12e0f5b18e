"""A connection to the engine that asyncio speaks itself: no thread waits for what comes over it."""

import asyncio
import ssl

from .engine import Engine, TlsFiles

_MAX_ANSWER_BYTES = 16 * 1024
_READ_AHEAD_BYTES = 2 * 1024 * 1024
"""asyncio stops reading at twice as much, and the agent waits.

The engine keeps some 1.5 MB that nobody reads. Two seconds after a container ends it throws away what it has
not taken yet (moby, daemon/monitor.go): of a slow host's agent the answer. So what an ended one has left is
read without a bound (`take_rest`), and where nobody sees that it ended, this much ahead has to do.
"""


class Refused(Exception):
    """The engine would not do what it was asked; the message is its answer."""


def tls_context(files: TlsFiles | None) -> ssl.SSLContext | None:
    """Read an engine's certificates; None for an engine that is spoken to in the clear."""
    if files is None:
        return None
    context = ssl.create_default_context(cafile=str(files.ca) if files.ca else None)
    if not files.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if files.cert and files.key:
        context.load_cert_chain(str(files.cert), str(files.key))
    return context


async def ask(
    engine: Engine, context: ssl.SSLContext | None, method: str, path: str, rest: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for what goes on behind the answer's head, and read that head.

    `rest` is the request's protocol, and its headers. Raises Refused, OSError.
    """
    reader, writer = await open_link(engine, context)
    try:
        writer.write(f"{method} /v{engine.api_version}{path} {rest}\r\nHost: docker\r\n\r\n".encode())
        await writer.drain()
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Refused("the engine broke off its answer") from error
        status = head.split(b" ", 2)[1:2]
        if status not in ([b"101"], [b"200"]):
            said = await reader.read(_MAX_ANSWER_BYTES)
            raise Refused(f"{head.splitlines()[0].decode('latin-1')}: {said.decode(errors='replace')}")
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


async def open_link(
    engine: Engine, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the engine, and say nothing yet. Raises OSError."""
    path = engine.address.socket_path
    if path is not None:
        return await asyncio.open_unix_connection(str(path), limit=_READ_AHEAD_BYTES)
    host, _, port = engine.address.host.removeprefix("tcp://").rstrip("/").rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port), ssl=context, limit=_READ_AHEAD_BYTES)
