"""Asks detect-secrets about a file and says which of our rules each secret breaks."""

from __future__ import annotations

from pathlib import Path

from ...findings.credentials import Credentials
from ...findings.secret_kinds import ENTROPY
from ..facts import Breach, TextFile

_PASSWORDS = frozenset({"secret-keyword", "basic-auth-credentials"})


class SecretsLook:
    """The detectors, with settings of our own; `scratch` is where copies for them are written."""

    def __init__(self, scratch: Path) -> None:
        self._credentials = Credentials(scratch)

    def __call__(self, file: TextFile, *, plain: bool = False) -> list[Breach]:
        """Answer the secrets in a file, each without its value."""
        text = file.text if file.whole is None else file.whole
        return [
            Breach(
                rule=_rule(one.rule),
                line=one.line,
                message=one.message,
                severity=one.severity,
                confidence=one.confidence,
                tool=one.tool,
                suppressed=one.suppressed,
                also=(one.rule, *one.also),
                secret=True,
                anchor=one.anchor,
            )
            for one in self._credentials.check(file.path, file.path, text, plain=plain)
        ]


def _rule(kind: str) -> str:
    if kind == "private-key":
        return "secrets.private-key"
    if kind in ENTROPY:
        return "secrets.random-string"
    return "secrets.password" if kind in _PASSWORDS else "secrets.provider-token"
