"""A collector that takes everything by OTLP/HTTP and keeps only counts.

Prints its address; ends when its stdin does, and prints the counts.
"""

import asyncio
import sys
from collections import Counter

_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Sink:
    """Counts requests and bytes by path."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                path = lines[0].split(" ")[1]
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests[path] += 1
                self.bytes[path] += len(body)
                writer.write(_TAKEN)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def run(self) -> None:
        """Take until stdin ends."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1024 * 1024)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.close()
        for path, count in sorted(self.requests.items()):
            print(f"sink: {path}: {count} requests, {self.bytes[path]} bytes")


if __name__ == "__main__":
    asyncio.run(Sink().run())
