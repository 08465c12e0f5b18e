"""The headers that a collector asks for, from one text, as OpenTelemetry spells them for the environment.

The SDK reads its own variable too; what it cannot read it logs, the secret with it, and goes on without. So
it is read here first: where it cannot be read no process starts, and else its credentials are masked.
"""

import base64
import contextlib
import re
from collections.abc import Iterator
from urllib.parse import unquote

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, section 5.6.2."""
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
"""Nothing that would end the line: what stands behind it would be another header."""
_SECRET_NAME = re.compile(
    r"auth|cookie|credential|dsn|jwt|key|pass|pwd|secret|session|signature|token"
    r"|^x-honeycomb-team$"  # Honeycomb's name for its API key
)
"""Of a header that holds a credential; a tenant or a dataset is an ordinary word, which logs may say."""


def headers_of(text: str) -> dict[str, str]:
    """The headers of `name=value,name=value`, values URL-decoded. Raises ValueError, which shows none."""
    found: dict[str, str] = {}
    for place, (name, raw) in enumerate(_parts(text), start=1):
        value = unquote(raw)
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(f"number {place} is no name=value; a comma in a value is %2C")
        found[name] = value
    return found


def secrets_of(text: str) -> set[str]:
    """What in such a text nobody may see: each credential as it is given, decoded, and without its scheme.

    Of `Basic`, the password too.
    """
    found: set[str] = set()
    for name, raw in _parts(text):
        if _SECRET_NAME.search(name):
            value = unquote(raw)
            scheme, _, rest = value.partition(" ")
            credential = rest.strip()
            found |= {raw, value, credential}
            if scheme.lower() == "basic":
                with contextlib.suppress(ValueError):  # then it is not what RFC 7617 means by it
                    found.add(base64.b64decode(credential, validate=True).decode().partition(":")[2])
    return found


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Each name, in lower case, with its value as it stands there."""
    for part in text.split(","):
        name, _, raw = part.partition("=")
        yield name.strip().lower(), raw.strip()
