"""Keys: made, listed, revoked, and recognised.

A key is spelled `airlock_<id>_<secret>`: 10 characters of public id, then 256 random bits and a CRC-32 over
all that stands before it, in lower-case hexadecimal. So a scanner for leaked secrets can tell a key from
anything else, and a mistyped one is refused without asking Postgres. Of the secret only the sha256 is kept:
what has 256 random bits needs no slow hash.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
import zlib
from collections import OrderedDict
from dataclasses import dataclass

from airlock_contracts.views import KeyView

from ..errors import KeyUnknown
from ..store import keys as store
from ..store.sessions import Sessions
from ..store.tables import KeyRole
from .principals import DEFAULT_PROJECT, Principal

CACHE_SECONDS = 5.0
"""How long an answer about a key is believed: a revoked key is refused after that at the latest."""
_MAX_CACHED = 10_000
_KEY = re.compile(r"(airlock_([0-9a-z]{10})_([0-9a-f]{64}))([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the only moment at which it can be read."""

    text: str
    view: KeyView


async def create_key(
    sessions: Sessions,
    name: str,
    *,
    role: KeyRole = KeyRole.ADMIN,
    by: str = "airlock",
    project: str = DEFAULT_PROJECT,
) -> NewKey:
    """Make a key. Its text is in the answer and nowhere else."""
    id_ = secrets.token_hex(5)
    secret = secrets.token_hex(32)
    async with sessions.writing() as session:
        row = await store.insert_key(
            session,
            id_,
            project=project,
            name=name,
            role=role,
            secret_sha256=_digest(secret),
            by=by,
        )
        view = store.to_view(row)
    return NewKey(spell(id_, secret), view)


async def list_keys(sessions: Sessions, project: str = DEFAULT_PROJECT) -> list[KeyView]:
    """All keys, newest first, without their secrets."""
    async with sessions.reading() as session:
        return [store.to_view(row) for row in await store.list_keys(session, project)]


async def revoke_key(sessions: Sessions, id_: str, project: str = DEFAULT_PROJECT) -> KeyView:
    """Make a key invalid for good; every replica refuses it within 5 s. Raises KeyUnknown."""
    async with sessions.writing() as session:
        if (row := await store.revoke_key(session, project, id_)) is None:
            raise KeyUnknown(f"no key has the id {id_[:64]!r}", hint="`airlock keys list` shows the ids.")
        return store.to_view(row)


def spell(id_: str, secret: str) -> str:
    """Write a key with its checksum."""
    head = f"airlock_{id_}_{secret}"
    return f"{head}{_checksum(head)}"


def parse(text: str) -> tuple[str, str] | None:
    """Read id and secret of a key; None for what is not spelled like one."""
    found = _KEY.fullmatch(text)
    if found is None or not hmac.compare_digest(_checksum(found[1]), found[4]):
        return None
    return found[2], found[3]


@dataclass(frozen=True, slots=True)
class _Known:
    secret_sha256: bytes
    principal: Principal | None
    """None for a key that is unknown or revoked."""
    until: float


class KeyRing:
    """Recognises keys; what Postgres said about one is believed for a few seconds."""

    def __init__(self, sessions: Sessions, *, cache_seconds: float = CACHE_SECONDS) -> None:
        self._sessions = sessions
        self._cache_seconds = cache_seconds
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}

    async def recognise(self, text: str) -> Principal | None:
        """Who this key stands for; None unless it is one of ours and valid."""
        if (parts := parse(text)) is None:
            return None
        id_, secret = parts
        known = self._known.get(id_)
        if known is None or known.until < time.monotonic():
            known = await self._ask_once(id_)
        if not hmac.compare_digest(known.secret_sha256, _digest(secret)):
            return None
        return known.principal

    async def _ask_once(self, id_: str) -> _Known:
        """Ask Postgres about a key, once for all who wait for the answer."""
        lock = self._asking.setdefault(id_, asyncio.Lock())
        try:
            async with lock:
                known = self._known.get(id_)
                if known is None or known.until < time.monotonic():
                    known = await self._ask(id_)
                    self._known[id_] = known
                    self._known.move_to_end(id_)
                    while len(self._known) > _MAX_CACHED:
                        self._known.popitem(last=False)
                return known
        finally:
            if not lock.locked():
                self._asking.pop(id_, None)

    async def _ask(self, id_: str) -> _Known:
        until = time.monotonic() + self._cache_seconds  # from before the question, so never too long
        async with self._sessions.reading() as session:
            row = await store.find_key(session, id_)
        if row is None:
            return _Known(b"", None, until)
        if row.revoked_at is not None:
            return _Known(row.secret_sha256, None, until)
        async with self._sessions.writing() as session:
            await store.note_use(session, id_)
        principal = Principal(key=row.id, name=row.name, role=KeyRole(row.role), project=row.project)
        return _Known(row.secret_sha256, principal, until)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(bytes.fromhex(secret)).digest()


def _checksum(head: str) -> str:
    return f"{zlib.crc32(head.encode()):08x}"
