"""What is known about each kind of secret: how bad, how sure, and what only looks like one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .severities import Severity

MESSAGE = "A secret ({kind}), not shown here: take it out and revoke it."
EXAMPLE = "A secret ({kind}), an example's by its words or its host, not shown here: revoke it if it is real."
COMMENT = "A secret ({kind}) in a comment or docstring, not shown here: revoke it if it is real."
SAMPLE = (
    "A secret ({kind}) in documentation, where most are samples, not shown here: revoke it if it is real."
)

ENTROPY = frozenset({"base64-high-entropy-string", "hex-high-entropy-string"})

MANY_GUESSES = (
    20  # strings of high entropy in one file: that is data, in which a secret would be the exception
)

_SEVERITY: dict[str, Severity] = {
    "private-key": "CRITICAL",
    "basic-auth-credentials": "HIGH",
    "secret-keyword": "HIGH",
    "json-web-token": "MEDIUM",
    "base64-high-entropy-string": "MEDIUM",
    "hex-high-entropy-string": "LOW",
}

_PLACEHOLDER = re.compile(
    r"(?i)(my|your|the|some|a|db|user)?[-_ ]?(pass(word|wd|phrase)?|secret|token|api[-_]?key)s?\d{0,3}"
    r"|changeme|x+|\*+|\.+|<.*>|example|foo|bar|baz|test(ing)?|dummy|user(name)?|admin|none|null|todo"
)

# Words that name a secret, put together: aws_secret_access_key stands where one would.
_WORDS = re.compile(
    r"(?i)(?:(?:aws|access|secret|api|auth|client|private|session|app|id|key|token|password|user|db|my|your)"
    r"[-_ ]?){1,6}\d{0,3}"
)
_NAME = re.compile(r"""(?<![\w.-])([A-Za-z_][A-Za-z_.-]{0,40}\d{0,2})["']?[ \t]{0,8}(?::=|=>|=|:)""")

# Subresource Integrity, lock files and image digests spell what a digest is in front of it.
_DIGEST = re.compile(r"(?i)(?:sha(?:1|256|384|512)|md5)[-:=][A-Za-z0-9+/_-]{20,}={0,2}")

# On a line where several detectors fire, the one that knows most names the finding.
_VAGUE = ("hex-high-entropy-string", "base64-high-entropy-string", "secret-keyword", "basic-auth-credentials")


def severity_of(kind: str) -> Severity:
    """Answer the severity of a kind of secret; a provider's own token is as bad as a private key."""
    return _SEVERITY.get(kind, "CRITICAL")


def confidence_of(kind: str) -> str:
    """Answer how sure a detector is: shapes of tokens are, entropy is not."""
    return "LOW" if kind in ENTROPY else "MEDIUM" if kind == "secret-keyword" else "HIGH"


def is_prose(kind: str, value: str) -> bool:
    """Tell whether the value behind a name like password may be a word or a sentence: no digits."""
    return kind == "secret-keyword" and not any(char.isdigit() for char in value)


def name_of(line: str, secrets: Sequence[str]) -> str:
    """Answer what a secret is called on its line, or nothing: the name must have no part in any secret."""
    found = _NAME.search(line[:1_000])
    name = found[1] if found else ""
    return "" if any(name in one or one in name for one in secrets if one) else name


def precision(kind: str) -> int:
    """Rank a detector among those that fire on the same line; higher knows more."""
    return _VAGUE.index(kind) if kind in _VAGUE else len(_VAGUE)


def is_placeholder(value: str) -> bool:
    """Tell whether a "secret" is what people write where a secret would stand."""
    return _PLACEHOLDER.fullmatch(value) is not None or _WORDS.fullmatch(value) is not None


def is_digest(value: str) -> bool:
    """Tell whether a string of high entropy says itself that it is a digest, and of which kind."""
    return _DIGEST.fullmatch(value) is not None
