"""Which kind of configuration a file holds, and its change."""

from __future__ import annotations

import os
import re
from typing import assert_never

from ..reason import Reason
from . import dockerfile, env_file, ini_file, json_file, toml_file, workflow_file, yaml_file
from .setting import Action, Change, Image, User, Value

_FORMATS = {
    "yaml": yaml_file.changed,
    "toml": toml_file.changed,
    "json": json_file.changed,
    "ini": ini_file.changed,
    "env": env_file.changed,
}
_ENDINGS = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".json": "json",
    ".ini": "ini",
    ".cfg": "ini",
    ".conf": "ini",
}
_ENV = re.compile(r"(?:.*\.)?env(?:\..*)?")


def changed(file: str, text: str, wished: Change) -> str | Reason:
    """Answer a file with the change, or why it is left as it is."""
    match wished:
        case Value():
            kind = wished.format or _format_of(os.path.basename(file))
            if kind is None:
                return Reason("its name does not say its format: give it (yaml, toml, json, ini, env)")
            return _FORMATS[kind](text, wished)
        case User():
            return dockerfile.with_user(text, wished)
        case Image():
            return dockerfile.with_image(text, wished)
        case Action():
            return workflow_file.with_action(text, wished)
        case _:
            assert_never(wished)


def note(wished: Change) -> str | None:
    """Say what those who run the changed configuration will notice, where that is known."""
    if isinstance(wished, User):
        return f"The image's program runs as {wished.user}: it cannot write what belongs to root."
    return None


def _format_of(name: str) -> str | None:
    ending = os.path.splitext(name)[1].lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if name == "Pipfile":
        return "toml"
    return "env" if _ENV.fullmatch(name) else None
