"""How to connect, and what comes in: values around the connection."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

Headers = Mapping[str, str]
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Request:
    """A request or broadcast as it came in."""

    subject: str
    payload: bytes
    headers: Headers


Responder = Callable[[Request], Awaitable[bytes | None]]
"""Answers a request; None means no answer, so that another may answer."""
Listener = Callable[[Request], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class BusOptions:
    """How to connect. Either `user` and `password`, or a credentials file, or neither."""

    url: str
    name: str = "airlock"
    user: str | None = None
    password: str | None = None
    credentials_file: Path | None = None

    @property
    def inbox_prefix(self) -> str:
        """Where answers come to: each user's own place, so that permissions can name it.

        With a credentials file the user is not known here, and it is everybody's.
        """
        user = self.user or urlsplit(self.url).username or ""
        return f"_INBOX.{user}" if _TOKEN.fullmatch(user) else "_INBOX"

    @property
    def shown_url(self) -> str:
        """The address without user and password, for messages to people."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}" if parts.scheme else host
