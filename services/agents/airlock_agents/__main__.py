"""The agents side: `python -m airlock_agents engine | diagnose | images | purge | author | host`."""

import argparse
import os
import signal
import sys

from airlock_agents.author.commands import add_author
from airlock_agents.host.commands import add_host
from airlock_agents.upkeep import commands

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the answer is its exit code."""
    parser = argparse.ArgumentParser(prog="python -m airlock_agents", description=__doc__)
    parser.set_defaults(environ=os.environ)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_engine(subparsers)
    commands.add_diagnose(subparsers)
    commands.add_images(subparsers)
    commands.add_purge(subparsers)
    add_author(subparsers)
    add_host(subparsers)
    chosen = parser.parse_args(arguments)
    # Both end a command in order; the host sets its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code: int = chosen.run(chosen)
    except KeyboardInterrupt:
        sys.stderr.write("airlock: interrupted\n")
        return _INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
