"""Work, and something beside it that may end it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def run_beside(work: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, None]) -> _T:
    """Answer what `work` answers. When `other` raises first, `work` is cancelled and that is raised.

    Whatever happens, both have ended when this returns or raises, also when it is cancelled itself.
    """
    working, beside = asyncio.create_task(work), asyncio.create_task(other)
    try:
        await asyncio.wait({working, beside}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            beside.result()
        return await working
    finally:
        await _end(working, beside)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while waiting := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(waiting)
        except asyncio.CancelledError as error:
            cancelled = error  # closing a sandbox is bounded in time by itself
    for task in tasks:
        if not task.cancelled():
            task.exception()  # one of them is raised by the caller; the other is nobody's news
    if cancelled is not None:
        raise cancelled
