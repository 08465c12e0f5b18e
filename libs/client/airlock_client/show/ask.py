"""Asking a person at the terminal without a thread, so that Ctrl-C is never kept waiting for an answer."""

import asyncio
import sys

_MAX_ANSWER = 1000


async def ask_line(prompt: str) -> str | None:
    """Ask for a line; None at the end of the input. Stdin must be a terminal."""
    sys.stdout.write(prompt)
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sys.stdin.fileno(), lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready  # a terminal hands over whole lines
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline(_MAX_ANSWER) or None


async def ask_yes(question: str) -> bool:
    """Ask until the answer is yes or no; the end of the input is no."""
    while (answer := await ask_line(f"{question} [yes/no] ")) is not None:
        match answer.strip().lower():
            case "y" | "yes":
                return True
            case "n" | "no":
                return False
    return False
