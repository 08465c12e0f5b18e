"""Asks detect-secrets about a file and says which of our rules each secret breaks."""

from __future__ import annotations

from pathlib import Path

from ...findings.credentials import Credentials
from ...findings.files import Source
from ...findings.finding import Finding
from ...findings.large_files import LargeFiles
from ...findings.secret_kinds import ENTROPY
from ..facts import Breach, TextFile

_PASSWORDS = frozenset({"secret-keyword", "basic-auth-credentials"})


class SecretsLook:
    """The detectors, with settings of our own; `scratch` is where copies for them are written."""

    def __init__(self, scratch: Path) -> None:
        self._credentials = Credentials(scratch)
        self._large = LargeFiles(self._credentials)

    def __call__(self, file: TextFile) -> list[Breach]:
        """Answer the secrets in a file, each without its value."""
        text = file.text if file.whole is None else file.whole
        return [_breach(one) for one in self._credentials.check(file.path, file.path, text)]

    def in_blocks(self, place: Path, source: Source) -> tuple[list[Breach], str | None]:
        """Answer the secrets in a file that is too large to be read whole, or no text, and what was cut."""
        found, cut = self._large.check(place, source.path, source.path, binary=source.binary)
        return [_breach(one) for one in found], cut


def _breach(secret: Finding) -> Breach:
    return Breach(
        rule=_rule(secret.rule),
        line=secret.line,
        message=secret.message,
        severity=secret.severity,
        confidence=secret.confidence,
        tool=secret.tool,
        suppressed=secret.suppressed,
        also=(secret.rule, *secret.also),
        secret=True,
        anchor=secret.anchor,
    )


def _rule(kind: str) -> str:
    if kind == "private-key":
        return "secrets.private-key"
    if kind in ENTROPY:
        return "secrets.random-string"
    return "secrets.password" if kind in _PASSWORDS else "secrets.provider-token"
