"""Writes infra/nats/users.conf: the users of NATS, with the rights that contracts/permissions.py gives them.

Without arguments: orchestration, reader, and one `host` for the hosts of the pool `default`. Each `--pool
NAME` adds a user `host-NAME` for that pool's hosts. Each `--host NAME=POOL` adds one for that host alone: it
can neither report in another's name nor hear another's answers. A test compares the committed file.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from airlock_contracts import permissions
from airlock_contracts.subjects import Subjects

TARGET = Path(__file__).with_name("users.conf")
HEAD = """\
# Written by infra/nats/users.py from libs/contracts/airlock_contracts/permissions.py; a test compares.

# PASSWORD_<USER> for each user, made by infra/local/secrets.sh. The path is relative to this file.
include "../../run/secrets/nats-passwords"

"""


def users(
    pools: Sequence[str] = (), hosts: Mapping[str, str] | None = None, *, prefix: str = "airlock"
) -> dict[str, permissions.Permissions]:
    """The permissions of each user, by its name."""
    subjects = Subjects(prefix)
    found = {
        "orchestration": permissions.orchestration(subjects),
        "reader": permissions.reader(subjects),
        "host": permissions.host(subjects, pool="default"),
    }
    for pool in pools:
        found[f"host-{pool}"] = permissions.host(subjects, user=f"host-{pool}", pool=pool)
    for name, pool in (hosts or {}).items():
        found[f"host-{name}"] = permissions.host(subjects, user=f"host-{name}", pool=pool, name=name)
    return found


def configuration(found: Mapping[str, permissions.Permissions]) -> str:
    """The users in nats-server's words; a password is a variable `PASSWORD_<USER>` that another file sets."""
    blocks = [
        f"    {{\n      user: {user}\n      password: $PASSWORD_{user.upper().replace('-', '_')}\n"
        f"      permissions: {_block(rights, 6)}\n    }}\n"
        for user, rights in found.items()
    ]
    return f"{HEAD}authorization {{\n  users: [\n{''.join(blocks)}  ]\n}}\n"


def _block(value: object, indent: int) -> str:
    """JSON, which is also nats-server's syntax, indented as it stands."""
    return json.dumps(value, indent=2).replace("\n", "\n" + " " * indent)


def _pair(text: str) -> tuple[str, str]:
    name, _, pool = text.partition("=")
    return name, pool or "default"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Write infra/nats/users.conf.")
    parser.add_argument("--pool", action="append", default=[], help="a user for the hosts of this pool too")
    parser.add_argument("--host", action="append", default=[], type=_pair, metavar="NAME=POOL")
    parser.add_argument("--prefix", default="airlock", help="the value of AIRLOCK_SUBJECT_PREFIX")
    asked = parser.parse_args()
    TARGET.write_text(configuration(users(asked.pool, dict(asked.host), prefix=asked.prefix)))


if __name__ == "__main__":
    main()
