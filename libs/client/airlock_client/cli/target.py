"""Which Airlock the command talks to, and with which key.

Both are looked up in this order: the option, the variable, the data folder of a running `airlock up`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer
from airlock_contracts.callers import COMMAND_LINE

from ..client import AirlockClient
from ..embedded import default_data_dir
from ..errors import ProblemError
from ..exits import Exit
from ..local.folder import DataFolder
from .edge import CommandError

KEY_VARIABLE = "AIRLOCK_KEY"
_MAX_KEY_BYTES = 4096
_WRONG_KEY = "key.invalid"
OWN_VARIABLES = frozenset({"AIRLOCK_URL", KEY_VARIABLE, "AIRLOCK_KEY_FILE", "AIRLOCK_HOME"})
"""Variables that only the command line reads."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options before the command, or their variables, say."""

    url: str | None
    key_file: Path | None
    data_dir: Path | None


@dataclass(frozen=True, slots=True)
class Target:
    """An address and a key for it."""

    url: str
    key: str
    key_place: str
    """Where the key was found, for people."""


def asked(context: typer.Context) -> Asked:
    """The options before the command."""
    found = context.obj
    if not isinstance(found, Asked):
        raise AssertionError("the root callback sets it")
    return found


def data_folder(context: typer.Context, own: Path | None = None) -> DataFolder:
    """The data folder: the command's own option, else the one before the command, else the default."""
    return DataFolder(own or asked(context).data_dir or default_data_dir())


def find_target(options: Asked, environment: dict[str, str] | None = None) -> Target:
    """Find address and key. Raises CommandError that says what to give."""
    variables = os.environ if environment is None else environment
    folder = DataFolder(options.data_dir or default_data_dir())
    state = folder.state()
    url = options.url or (state.api_url if state is not None else None)
    if url is None:
        raise CommandError(
            f"nothing runs on the data folder {folder.path}, and no address is given",
            "start it with `airlock up`, or give --url (AIRLOCK_URL) and --key-file (AIRLOCK_KEY_FILE)",
            Exit.NOT_RUNNING,
        )
    _check_address(url)
    if options.key_file is not None:
        return Target(url, read_key(options.key_file), str(options.key_file))
    if key := variables.get(KEY_VARIABLE, "").strip():
        if not (key.isascii() and key.isprintable()):
            raise CommandError(
                f"{KEY_VARIABLE} holds no key: a key is one line of ASCII",
                "make one with `airlock keys create`",
            )
        return Target(url, key, KEY_VARIABLE)
    if state is not None and url.rstrip("/") == state.api_url:
        return Target(url, read_key(folder.admin_key), str(folder.admin_key))
    raise CommandError(f"no key for {url} is given", "give --key-file (AIRLOCK_KEY_FILE) or AIRLOCK_KEY")


def _check_address(url: str) -> None:
    """Raises CommandError for what nobody could answer at."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_address &= url.isprintable() and " " not in url and not parts.query and not parts.fragment
    except ValueError:  # a port beyond 65535, half an IPv6 address
        is_address = False
    if not is_address:
        raise CommandError(
            f"{url} is no address of Airlock", "write it as http://HOST:PORT or https://HOST", Exit.USAGE
        )


def read_key(path: Path) -> str:
    """Read a key from its file. Raises CommandError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_KEY_BYTES + 1)
        key = raw.decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"the key file {path} cannot be read: {error}", "name another with --key-file"
        ) from error
    if not key or len(raw) > _MAX_KEY_BYTES:
        raise CommandError(
            f"the key file {path} holds no key", "make one with `airlock keys create --output FILE`"
        )
    return key


@asynccontextmanager
async def connect(context: typer.Context) -> AsyncIterator[AirlockClient]:
    """A client of the Airlock that the command talks to."""
    target = find_target(asked(context))
    try:
        async with AirlockClient(target.url, target.key, program=COMMAND_LINE) as client:
            yield client
    except ProblemError as error:
        if error.problem.code != _WRONG_KEY:
            raise
        hint = f"the key that was used is from {target.key_place}. {error.problem.hint or ''}".strip()
        raise ProblemError(error.problem.model_copy(update={"hint": hint})) from error
