"""The headers that a collector asks for, from one text, as OpenTelemetry spells them for the environment.

The SDK reads such a text too; what it cannot read it logs, the secret with it, and goes on without.
"""

import re
from urllib.parse import unquote

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, section 5.6.2."""
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
"""Nothing that would end the line: what stands behind it would be another header."""


def headers_of(text: str) -> dict[str, str]:
    """The headers of `name=value,name=value`, values URL-decoded. Raises ValueError, which shows none."""
    found: dict[str, str] = {}
    for place, part in enumerate(text.split(","), start=1):
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), unquote(value.strip())
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError(f"number {place} is no name=value; a comma in a value is %2C")
        found[name] = value
    return found
