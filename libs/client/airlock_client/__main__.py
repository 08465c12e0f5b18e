"""`airlock` and `python -m airlock_client`: the command line."""

import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command line of this process; answers its exit code."""
    try:
        from .cli.application import app  # takes a moment, in which Ctrl-C may come
        from .cli.edge import invoke
    except KeyboardInterrupt:
        return INTERRUPTED
    return invoke(app, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
