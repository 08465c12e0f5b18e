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
from collections.abc import Mapping
from dataclasses import dataclass, field

from airlock_contracts.events import SYSTEM
from airlock_contracts.views import KeyView

from ..errors import InvalidRequest, KeyUnknown, StoreUnavailable
from ..store import keys as store
from ..store.sessions import Sessions
from ..store.tables import KeyRole
from .principals import DEFAULT_PROJECT, Principal

CACHE_SECONDS = 5.0
"""How long an answer about a key is believed: a revoked key is refused after that at the latest."""
MAX_NAME = 100
"""Characters of a key's name."""
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
    by: str = SYSTEM,
    project: str = DEFAULT_PROJECT,
) -> NewKey:
    """Make a key. Its text is in the answer and nowhere else. Raises InvalidRequest for a bad name."""
    if not _is_name(name):
        raise InvalidRequest(
            f"{name[:MAX_NAME]!a} is no name for a key",
            hint=f"1 to {MAX_NAME} characters that can be seen, and not {SYSTEM!r}: so Airlock calls itself.",
        )
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


def _is_name(text: str) -> bool:
    """Whether a key may be called so: the journal and decisions tell people by this name who it was."""
    is_word = 0 < len(text) <= MAX_NAME and text.isprintable() and text == text.strip()
    return is_word and text != SYSTEM


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
    principal: Principal
    until: float


@dataclass(slots=True)
class _Question:
    """Ids and secrets' digests that are asked about together."""

    asked: set[tuple[str, bytes]] = field(default_factory=set)
    answer: Mapping[tuple[str, bytes], Principal] | None = None
    failed: StoreUnavailable | None = None


class KeyRing:
    """Recognises keys; what Postgres said about a valid one is believed for a few seconds.

    Keys that come while a question is under way are asked about together in the next one: a replica has one
    under way at most, however many keys strangers make up. Those are not remembered, so they push out none.
    """

    def __init__(self, sessions: Sessions, *, cache_seconds: float = CACHE_SECONDS) -> None:
        self._sessions = sessions
        self._cache_seconds = cache_seconds
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._next = _Question()
        self._asking = asyncio.Lock()

    async def recognise(self, text: str) -> Principal | None:
        """Who this key stands for; None unless it is one of ours and valid. Raises StoreUnavailable."""
        if (parts := parse(text)) is None:
            return None
        known = self._remembered(*parts)
        if known is not None and known.until >= time.monotonic():
            return known.principal
        return await self._ask(parts[0], _digest(parts[1]))

    def has_recognised(self, text: str) -> bool:
        """Whether this is a key that Postgres called valid when it was last asked, however long ago.

        It lets nobody in: it tells whom we know from strangers before anybody is asked.
        """
        parts = parse(text)
        return parts is not None and self._remembered(*parts) is not None

    def _remembered(self, id_: str, secret: str) -> _Known | None:
        known = self._known.get(id_)
        if known is None or not hmac.compare_digest(known.secret_sha256, _digest(secret)):
            return None
        return known

    async def _ask(self, id_: str, digest: bytes) -> Principal | None:
        while True:
            question = self._next
            question.asked.add((id_, digest))
            async with self._asking:
                if question is self._next:  # nobody has asked it yet
                    self._next = _Question()
                    await self._answer(question)
            if question.failed is not None:
                raise StoreUnavailable(question.failed.detail) from question.failed
            if question.answer is not None:
                return question.answer.get((id_, digest))
            # Who asked it went away before the answer came: once more.

    async def _answer(self, question: _Question) -> None:
        until = time.monotonic() + self._cache_seconds  # from before the question, so never too long
        try:
            async with self._sessions.recognising() as connection:
                found = await store.recognise_keys(connection, question.asked)
        except StoreUnavailable as error:
            question.failed = error
            return
        answer: dict[tuple[str, bytes], Principal] = {}
        for key in found:
            principal = Principal(key=key.id, name=key.name, role=key.role, project=key.project)
            answer[key.id, key.secret_sha256] = principal
            self._known[key.id] = _Known(key.secret_sha256, principal, until)
            self._known.move_to_end(key.id)
        for id_, digest in question.asked - answer.keys():
            if (known := self._known.get(id_)) is not None and known.secret_sha256 == digest:
                del self._known[id_]  # revoked
        while len(self._known) > _MAX_CACHED:
            self._known.popitem(last=False)
        question.answer = answer


def _digest(secret: str) -> bytes:
    return hashlib.sha256(bytes.fromhex(secret)).digest()


def _checksum(head: str) -> str:
    return f"{zlib.crc32(head.encode()):08x}"
