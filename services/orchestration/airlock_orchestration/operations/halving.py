"""Finding the one that fails: asked for all together first, then in halves."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from ..errors import StoreUnavailable

T = TypeVar("T")


async def ask_in_halves(
    runs: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]
) -> tuple[dict[str, T], dict[str, Exception]]:
    """Ask about many runs at once. Answers what was found, and the error of each run that fails alone.

    Raises StoreUnavailable: then the whole failed, not one of them.
    """
    if not runs:
        return {}, {}
    try:
        return dict(await ask(runs)), {}
    except StoreUnavailable:
        raise
    except Exception as error:
        if len(runs) == 1:
            return {}, {runs[0]: error}
    half = len(runs) // 2
    found, failed = await ask_in_halves(runs[:half], ask)
    more, others = await ask_in_halves(runs[half:], ask)
    return found | more, failed | others
