"""Live reload for the profile `dev`: runs a module, and starts it again when a file has changed.

`python reload.py FOLDER[:FOLDER...] MODULE [ARGUMENT...]`. It looks once a second, as changes on a mounted
folder are not always told. The process is ended as in production: what is under way is handed back.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

LOOK_SECONDS = 1.0
END_SECONDS = 40.0
"""Longer than a process takes to drain."""


def newest(folders: list[Path]) -> tuple[int, int]:
    """How many Python files there are, and when the newest of them was changed, in nanoseconds."""
    times = []
    for folder in folders:
        for path in folder.rglob("*.py"):
            try:
                times.append(path.stat().st_mtime_ns)
            except FileNotFoundError:
                continue  # an editor is replacing it
    return len(times), max(times, default=0)


def end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, and SIGKILL for what does not end."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or Ctrl-C; answers 0."""
    folders = [Path(folder) for folder in arguments[0].split(":")]
    command = [sys.executable, "-m", *arguments[1:]]
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping:
        seen = newest(folders)
        process = subprocess.Popen(command, env=os.environ)  # noqa: S603 -- what it was asked to run
        # One that ended by itself waits for a change too: its last words say what is wrong.
        while not stopping and newest(folders) == seen:
            time.sleep(LOOK_SECONDS)
        end(process)
        if not stopping:
            sys.stderr.write(f"airlock: a file has changed: {arguments[1]} starts again\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
