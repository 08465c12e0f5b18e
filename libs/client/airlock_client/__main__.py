"""`airlock` and `python -m airlock_client`: the command line."""

import sys

from .cli.application import app
from .cli.edge import invoke


def main() -> int:
    """Run the command line of this process; answers its exit code."""
    return invoke(app, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
