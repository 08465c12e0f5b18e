"""`python -m airlock_orchestration`: serve, migrate, keys."""

import argparse
import asyncio
import os
import sys

from .store import migrate


def main() -> int:
    """Run one command; answer its exit code."""
    parser = argparse.ArgumentParser(prog="python -m airlock_orchestration")
    parser.add_subparsers(dest="command", required=True).add_parser("migrate")
    parser.parse_args()
    asyncio.run(migrate.upgrade(os.environ["AIRLOCK_DATABASE_URL"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
