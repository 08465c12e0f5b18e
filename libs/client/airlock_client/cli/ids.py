"""Ids as people type them: whole, or as much of the beginning as no other of the newest has."""

import re

from ..client import AirlockClient
from ..exits import Exit
from ..show.text import one_line
from .edge import CommandError
from .output import collect

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_BEGINNING = re.compile(r"[0-9a-f-]{4,35}", re.IGNORECASE)
_LOOKED_AT, _PAGE = 1000, 200
_NAMED = 5


async def whole_run(client: AirlockClient, text: str) -> str:
    """The id of a run that begins so. Raises CommandError where several do, or none of the newest."""
    if _whole("run", text):
        return text
    found, _ = await collect(lambda cursor: client.runs(cursor=cursor, limit=_PAGE), _LOOKED_AT)
    return _only("run", text, [one.id for one in found])


async def whole_approval(client: AirlockClient, text: str) -> str:
    """The id of an approval that begins so. Raises CommandError where several do, or none of the newest."""
    if _whole("approval", text):
        return text
    found, _ = await collect(lambda cursor: client.approvals(cursor=cursor), _LOOKED_AT)
    return _only("approval", text, [one.id for one in found])


def _whole(what: str, text: str) -> bool:
    """Whether it is a whole id. Raises CommandError for what no id begins with."""
    if _ID.fullmatch(text) is not None:
        return True
    if _BEGINNING.fullmatch(text) is None:
        raise CommandError(
            f"{one_line(text, 80)} is no {what}'s id, nor the beginning of one",
            f"airlock {what}s list",
        )
    return False


def _only(what: str, text: str, known: list[str]) -> str:
    fitting = [one for one in known if one.startswith(text.lower())]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise CommandError(
            f"no {what} of the newest {_LOOKED_AT} has an id that begins with {text}", f"airlock {what}s list"
        )
    named = ", ".join(fitting[:_NAMED]) + (", …" if len(fitting) > _NAMED else "")
    raise CommandError(f"{len(fitting)} {what}s begin with {text}: {named}", "type more of it", Exit.USAGE)
