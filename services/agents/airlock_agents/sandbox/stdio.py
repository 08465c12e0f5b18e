"""The protocol `stdio`: the input on stdin, then its end; the output on stdout; stderr is the log."""

import asyncio
import contextlib

from .attach import Channel, InputClosed


class InputCannotEnd(Exception):
    """This engine's connection has no way to say that stdin ends."""


class OutputTooLarge(Exception):
    """The agent prints more than its manifest allows."""


async def converse(channel: Channel, document: bytes, *, limit_bytes: int) -> bytes:
    """Give an agent its input and read its output to the end.

    Raises InputCannotEnd, OutputTooLarge at the first byte too many, EngineGone.
    """
    if not channel.can_end_input:
        raise InputCannotEnd("an engine behind TLS cannot be told that stdin ends: use airlock/1 there")
    writing = asyncio.create_task(_write(channel, document))
    try:
        output = bytearray()
        while piece := await channel.read():
            if len(output) + len(piece) > limit_bytes:
                raise OutputTooLarge
            output += piece
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    return bytes(output)


async def _write(channel: Channel, document: bytes) -> None:
    # An agent need not read its input: then the pipe breaks, and its exit code says how it ended.
    with contextlib.suppress(InputClosed):
        await channel.write(document)
        await channel.end_input()
