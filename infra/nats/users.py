"""Writes the users of the stack's NATS, with the rights that contracts/permissions.py gives them.

`users.py FILE` writes orchestration, reader, and one `host` for the hosts of the pool `default`. Each `--pool
NAME` adds a user `host-NAME` for that pool's hosts. Each `--host NAME=POOL` adds one for that host alone: it
can neither report in another's name nor hear another's answers. `--prefix` is the install's
AIRLOCK_SUBJECT_PREFIX. What earlier calls asked for stays in the file.

Without a FILE it is infra/nats/users.conf, which is the same for every install: a test compares it.
"""

import argparse
import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from airlock_contracts import permissions
from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.subjects import Subjects

TARGET = Path(__file__).resolve().with_name("users.conf")
HEAD = """\
# Written by infra/nats/users.py from libs/contracts/airlock_contracts/permissions.py; a test compares.

# PASSWORD_<USER> for each user, made by infra/local/secrets.sh. The path is relative to this file.
include "../../run/secrets/nats-passwords"

"""
_ASKED = "# Asked for: "
_PREFIX = "airlock"


def users(
    pools: Sequence[str] = (), hosts: Mapping[str, str] | None = None, *, prefix: str = _PREFIX
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


def _name(text: str) -> str:
    if re.fullmatch(NAME_PATTERN, text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no name: small letters, digits and hyphens")
    return text


def _host(text: str) -> tuple[str, str]:
    name, _, pool = text.partition("=")
    return _name(name), _name(pool or "default")


def _earlier(target: Path) -> list[str]:
    """What earlier calls asked for; they leave it in a comment."""
    lines = target.read_text(encoding="utf-8").splitlines() if target.exists() else []
    return [
        word for line in lines if line.startswith(_ASKED) for word in shlex.split(line.removeprefix(_ASKED))
    ]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Write the users of the stack's NATS.")
    parser.add_argument(
        "file", nargs="?", type=Path, help="a file of your own, that AIRLOCK_NATS_USERS names"
    )
    parser.add_argument(
        "--pool", action="append", default=[], type=_name, help="a user for this pool's hosts"
    )
    parser.add_argument("--host", action="append", default=[], type=_host, metavar="NAME=POOL")
    parser.add_argument("--prefix", default=_PREFIX, type=_name, help="the value of AIRLOCK_SUBJECT_PREFIX")
    target = parser.parse_args().file or TARGET
    asked = parser.parse_args([*_earlier(target), *sys.argv[1:]])
    pools, hosts = dict.fromkeys(asked.pool), dict(asked.host)
    words = [
        *(f"--pool={pool}" for pool in pools),
        *(f"--host={name}={pool}" for name, pool in hosts.items()),
    ]
    words += [f"--prefix={asked.prefix}"] if asked.prefix != _PREFIX else []
    if words and target.resolve() == TARGET:
        parser.error("name a file for them: the checkout's own has the users that every install has")
    if both := pools.keys() & hosts.keys():
        parser.error(f"a pool and a host of one name would share a user: {', '.join(sorted(both))}")
    head = f"{_ASKED}{shlex.join(words)}\n" if words else ""
    target.write_text(head + configuration(users(list(pools), hosts, prefix=asked.prefix)), encoding="utf-8")


if __name__ == "__main__":
    main()
