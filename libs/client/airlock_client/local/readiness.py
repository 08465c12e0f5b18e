"""Waiting for facts: the orchestration service answers, a host is listed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import httpx2

from airlock_client.embedded.errors import ServerFailed
from airlock_client.embedded.process import log_tail

from .parts import Part

_POLL_SECONDS = 0.05


async def wait_until_ready(part: Part, port_file: Path, seconds: float) -> str:
    """Wait until the service says that it is ready; answers its address. Raises ServerFailed."""

    async def look() -> str | None:
        try:
            port = int(await asyncio.to_thread(port_file.read_text))
        except (OSError, ValueError):
            return None
        url = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=url, timeout=5.0) as http:
            try:
                answer = await http.get("/health/ready")
            except httpx2.TransportError:
                return None
        return url if answer.status_code == httpx2.codes.OK else None

    return await _until(part, look, seconds)


async def wait_for_host(part: Part, api_url: str, key: Path, seconds: float, *, since: datetime) -> str:
    """Wait until a host that started at `since` or later is listed as UP; answers its name.

    One that was killed is listed as UP for a while longer, but answers nobody. Raises ServerFailed.
    """
    token = (await asyncio.to_thread(key.read_text)).strip()

    async def look() -> str | None:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=api_url, headers=headers, timeout=5.0) as http:
            try:
                answer = await http.get("/api/hosts")
            except httpx2.TransportError:
                return None
        if answer.status_code != httpx2.codes.OK:
            return None
        names = [
            host["name"]
            for host in answer.json()["items"]
            if host["status"] == "UP" and datetime.fromisoformat(host["started_at"]) >= since
        ]
        return names[0] if names else None

    return await _until(part, look, seconds)


async def _until(part: Part, look: Callable[[], Awaitable[str | None]], seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            while (found := await look()) is None:
                part.check()
                await asyncio.sleep(_POLL_SECONDS)
            return found
    except TimeoutError:
        raise ServerFailed(f"{part.name} was not ready within {seconds:g} s.{log_tail(part.log)}") from None
