"""What only shows what a secret would look like: hosts, logins and values that are made for examples."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Sequence
from urllib.parse import unquote

# RFC 2606 and RFC 6761 keep these for examples; a name that begins or ends with "example" is one, too.
_EXAMPLE_HOST = re.compile(
    r"(?i)(?:[\w-]{1,63}\.){0,10}(?:example|test|invalid|localhost)\.?"
    r"|(?:[\w-]{1,63}\.){0,10}(?:example[\w-]{0,56}|[\w-]{0,56}example)(?:\.[\w-]{1,63}){1,3}\.?"
    r"|(?:my|your|some|the)?-?(?:host(?:name)?|server|domain)\d?"
)
_OWN_MACHINE = re.compile(r"(?i)localhost|127(?:\.\d{1,3}){3}|\[::1\]|0\.0\.0\.0|host\.docker\.internal")
_LOGIN = re.compile(r"://([^:/@\s]{0,80}):([^:/@\s]{1,200})@([\w.-]{1,200}|\[::1\])")
_KNOWN_LOGINS = (("scott", "tiger"),)  # Oracle's, since 1977; with more behind it where a server wants that

# AWS writes these two in its manuals; of what else says "example", no more than words and a number.
_VALUE = re.compile(
    r"(?:AKIA|ASIA)[A-Z0-9]{9}EXAMPLE|wJalrXUtnFEMI/K7MDENG/?bPxRfiCYEXAMPLEKEY"
    r"|(?i:example(?:[-_. ]?[a-z]{1,20}){0,3}\d{0,3}|(?:[a-z]{1,20}[-_. ]?){0,3}example\d{0,3})"
)
_FILLED = 3  # different characters in what somebody filled in: ghp_xxxx, AKIA0000
_PREFIX = re.compile(r"[A-Za-z]{1,8}[_-]|AKIA|ASIA|AIza")

_MADE = 12  # characters of a password that nobody types for an example
_MADE_OF_TWO = 20  # the same where it has letters of one case and digits only

_BODY_LINES = 12  # below a key's header: what it is encrypted with, an empty line, then the key
_BODY = 24  # characters of a key, on one line or over several
_BODY_RUN = re.compile(rf"[A-Za-z0-9+/]{{{_BODY}}}")
_BODY_LINE = re.compile(r"[A-Za-z0-9+/]{1,100}={0,2}")
_BESIDE_BODY = " \t\r\"'`#*,.;\\+"  # what a line of a key has around it in code and comments
_OF_ENCRYPTION = re.compile(r"[A-Za-z-]{1,30}: .{0,100}")
_BREAKS = re.compile(r"(?:\\[rn]){1,2}")


def is_example_host(host: str) -> bool:
    """Tell whether a host is one that nobody has: kept for examples, or named as one."""
    return _EXAMPLE_HOST.fullmatch(host) is not None


def is_example_value(value: str) -> bool:
    """Tell whether a value is known from manuals, or filled with the same few characters."""
    if _VALUE.fullmatch(value):
        return True
    prefix = _PREFIX.match(value)
    rest = value[prefix.end() :] if prefix is not None else ""
    return len(rest) >= 8 and len(set(rest)) <= _FILLED


def looks_made(value: str) -> bool:
    """Tell whether a value is as long and as mixed as what a generator, or somebody careful, makes.

    Such a one stays as loud beside an example's host and in a comment: real ones are left there, too.
    """
    plain = unquote(value)
    parts = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    kinds = sum(any(char in part for char in plain) for part in parts)
    kinds += any(not char.isalnum() and not char.isspace() for char in plain)
    digits = any(char in string.digits for char in plain)
    return digits and ((len(plain) >= _MADE and kinds >= 3) or (len(plain) >= _MADE_OF_TWO and kinds >= 2))


def is_example_login(line: str, value: str) -> bool:
    """Tell whether a password in an address is its user's name, or opens one's own or no real machine."""
    logins = [one for one in _LOGIN.finditer(line[:5_000]) if one[2] == value]
    return bool(logins) and all(_opens_nothing(*one.groups()) for one in logins)


def _opens_nothing(user: str, value: str, host: str) -> bool:
    if user == value or _OWN_MACHINE.fullmatch(host):
        return True
    known = any(user == name and value.startswith(word) for name, word in _KNOWN_LOGINS)
    return (known or is_example_host(host)) and not looks_made(value)


def is_bare_header(lines: Sequence[str], line: int) -> bool:
    """Tell whether the header of a private key stands alone: no key on its line, nor on those below it.

    The lines of a key are one word each, of whatever width, and follow each other.
    """
    near = lines[line - 1 : line - 1 + _BODY_LINES]
    if any(_BODY_RUN.search(one) for one in near):
        return False
    below = _BREAKS.sub("\n", "\n".join(near)).split("\n")[1:]
    words = filter(None, (one.strip(_BESIDE_BODY) for one in below))
    body = itertools.dropwhile(_OF_ENCRYPTION.fullmatch, words)
    return sum(map(len, itertools.takewhile(_BODY_LINE.fullmatch, body))) < _BODY
