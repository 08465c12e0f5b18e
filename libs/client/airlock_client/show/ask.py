"""Asking a person at the terminal without a thread, so that Ctrl-C is never kept waiting for an answer.

An answer is given to what was seen: what was typed before the question stood there is thrown away.
"""

import asyncio
import os
import sys
import termios

_MAX_ANSWER = 4096
"""Bytes of a line that a terminal hands over; it keeps no longer ones (termios(3), canonical mode)."""


async def ask_line(prompt: str) -> str | None:
    """Ask for a line; None at the end of the input. Stdin must be a terminal."""
    terminal = sys.stdin.fileno()
    sys.stdout.flush()  # what is asked about, whole
    termios.tcflush(terminal, termios.TCIFLUSH)
    sys.stdout.write(prompt)
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(terminal, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready  # a terminal hands over whole lines
    finally:
        loop.remove_reader(terminal)
    # Past Python's own buffer, which no flush of the terminal would reach.
    answer = os.read(terminal, _MAX_ANSWER)
    return answer.decode("utf-8", "replace") or None


async def ask_yes(question: str) -> bool:
    """Ask until the answer is yes or no; the end of the input is no."""
    while (answer := await ask_line(f"{question} [yes/no] ")) is not None:
        match answer.strip().lower():
            case "y" | "yes":
                return True
            case "n" | "no":
                return False
    return False
