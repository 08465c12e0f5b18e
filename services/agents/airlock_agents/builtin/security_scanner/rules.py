"""Which rules speak, and how loud: every departure from the tools' defaults, with its reason."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Literal

Severity = Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"]

SEVERITIES: tuple[Severity, ...] = ("CRITICAL", "HIGH", "MEDIUM", "LOW")  # loudest first

# Bandit's rules that stay silent: each of them is true of harmless code far more often than of a flaw.
LEFT_OUT = {
    "B101": "assert: every test suite is made of it",
    "B110": "try, except, pass: a matter of quality",
    "B112": "try, except, continue: a matter of quality",
    "B401": "an import of telnetlib harms nobody; calls are looked at",
    "B402": "an import of ftplib harms nobody; calls are looked at",
    "B404": "an import of subprocess harms nobody; calls are looked at",
    "B403": "an import of pickle harms nobody; calls are looked at",
    "B405": "an import of an XML parser harms nobody; calls are looked at",
    "B406": "as B405",
    "B407": "as B405",
    "B408": "as B405",
    "B409": "as B405",
    "B410": "as B405",
    "B603": "a subprocess without a shell is what B602 asks for",
    "B606": "as B603",
    "B607": "a program found on PATH is what portable code does",
}

# Where bandit's own severity misleads: B411 is an import of xmlrpc; what it will read is not known.
OWN: dict[str, Severity] = {"B411": "LOW"}

# Rules whose message or line holds the secret itself.
PASSWORDS = frozenset({"B105", "B106", "B107"})
MASKED = "A hard-coded password. Its value is not shown here; take it out of the code and change it."

MASKED_KIND = "A secret in the workspace ({kind}). Its value is not shown here; take it out and revoke it."

ENTROPY = frozenset({"base64-high-entropy-string", "hex-high-entropy-string"})

_SECRET_SEVERITY: dict[str, Severity] = {
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

_TEST_FOLDERS = frozenset({"test", "tests", "__tests__"})
_TEST_NAMES = re.compile(r"test_.*|.*_test\.\w+|.*\.(test|spec)\.\w+|conftest\.py")

# On a line where several detectors fire, the one that knows most names the finding.
_VAGUE = ("hex-high-entropy-string", "base64-high-entropy-string", "secret-keyword", "basic-auth-credentials")


def bandit_severity(rule: str, said: str) -> Severity:
    """Answer the severity of a bandit rule: its own word, unless it is corrected above."""
    if rule in OWN:
        return OWN[rule]
    return "HIGH" if said == "HIGH" else "MEDIUM" if said == "MEDIUM" else "LOW"


def secret_severity(kind: str) -> Severity:
    """Answer the severity of a kind of secret; a provider's own token is as bad as a private key."""
    return _SECRET_SEVERITY.get(kind, "CRITICAL")


def secret_confidence(kind: str) -> str:
    """Answer how sure a detector is: shapes of tokens are, entropy is not."""
    return "LOW" if kind in ENTROPY else "MEDIUM" if kind == "secret-keyword" else "HIGH"


def is_prose(kind: str, value: str) -> bool:
    """Tell whether the value behind a name like password may be a word or a sentence: no digits."""
    return kind == "secret-keyword" and not any(char.isdigit() for char in value)


def precision(kind: str) -> int:
    """Rank a detector among those that fire on the same line; higher knows more."""
    return _VAGUE.index(kind) if kind in _VAGUE else len(_VAGUE)


def in_test(severity: Severity) -> Severity:
    """Answer a finding's severity in test code: nobody attacks a test, but a token leaks anywhere."""
    return severity if severity == "CRITICAL" else "LOW"


def is_placeholder(value: str) -> bool:
    """Tell whether a "secret" is what people write where a secret would stand."""
    return _PLACEHOLDER.fullmatch(value) is not None


def is_test(path: PurePath) -> bool:
    """Tell whether a file is test code, by the names that test runners look for."""
    return not _TEST_FOLDERS.isdisjoint(path.parts[:-1]) or _TEST_NAMES.fullmatch(path.name) is not None


def at_least(severity: Severity, floor: Severity) -> bool:
    """Tell whether a severity is as loud as the floor, or louder."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(floor)
