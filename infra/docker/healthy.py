"""The image's health check: exit code 0 when the process says that it is ready, else 1 and why."""

import os
import sys
import urllib.error
import urllib.request

SECONDS = 4.0


def main() -> int:
    """Ask once."""
    # Docker's client configuration may put a proxy into every container's environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(os.environ["HEALTH_URL"], timeout=SECONDS) as answer:
            return 0 if answer.status == 200 else 1
    except urllib.error.HTTPError as error:
        sys.stderr.write(error.read(2048).decode("utf-8", "replace"))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
