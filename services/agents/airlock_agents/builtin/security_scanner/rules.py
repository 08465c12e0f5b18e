"""Which of bandit's rules speak, and how loud: every departure from its defaults, with its reason."""

from __future__ import annotations

import re

from ..findings.severities import Severity

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


# A weak digest of a password is a flaw; most others name files, cache entries and versions.
_DIGESTS = frozenset({"B303", "B324"})
_TELLING = re.compile(r"(?i)passw|pwd|secret|token|credential|signature|\bsign|salt")
_KEYED = re.compile(r"(?i)hmac|digest_?mod|digest_?method")  # SHA-1 does in an HMAC (NIST SP 800-131A)

# Marks of direction (U+200E, U+200F, U+061C) belong to texts written from right to left; these turn code
# around.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def turns(line: str) -> bool:
    """Tell whether a line holds a character that makes code look like other code."""
    return _TURNING.search(line) is not None


def bandit_severity(rule: str, said: str, line: str = "") -> Severity:
    """Answer the severity of a bandit rule on a line: its own word, unless it is corrected above."""
    if rule in OWN:
        return OWN[rule]
    if rule in _DIGESTS and said == "HIGH" and (_KEYED.search(line) or not _TELLING.search(line)):
        return "MEDIUM"
    if rule == "B613" and not turns(line):
        return "LOW"
    return "HIGH" if said == "HIGH" else "MEDIUM" if said == "MEDIUM" else "LOW"
