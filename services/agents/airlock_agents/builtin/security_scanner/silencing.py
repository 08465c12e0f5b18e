"""How code asks tools to look away: never obeyed, always counted."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ON_LINE = re.compile(
    r"(?i)#\s*nosec\b|//\s*#?\s*nosec\b|nosemgrep|NOSONAR|\bnolint\b|\blgtm\b|#\s*noqa\b(?!\s*:)|#\s*noqa\s*:[^#]*\bS\d{3}"
    r"|eslint-disable-(?:next-)?line|@ts-ignore|biome-ignore|phpcs:ignore|phpcs:disable|@phpstan-ignore|psalm-suppress"
    r"|rubocop:disable|brakeman:ignore|shellcheck\s+disable|@SuppressWarnings|@SuppressFBWarnings|noinspection"
    r"|snyk:?\s*ignore|checkov:skip|trivy:ignore|pragma:\s*allowlist|gitleaks:allow|skipcq|codeql\[|devskim:\s*ignore"
)
_WHOLE_FILE = re.compile(
    r"/\*\s*eslint-disable(?!-)|/\*\s*tslint:disable|phpcs:ignoreFile|@ts-nocheck|#\s*bandit:\s*skip|#\s*ruff:\s*noqa"
)
_COMMENT = re.compile(r"\s*(?:#|//|/\*|\*|<!--|\{#|<%#|--|@)")
_HEAD = 50  # lines in which a wish for the whole file is looked for


class Silencing:
    """What one file asks for."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._whole = any(_WHOLE_FILE.search(line) for line in lines[:_HEAD])

    def covers(self, line: int) -> bool:
        """Tell whether the code asks tools to overlook a line: on it, in a comment above it, or for all."""
        if self._whole:
            return True
        here = self._lines[line - 1] if line <= len(self._lines) else ""
        above = self._lines[line - 2] if line >= 2 else ""
        return _ON_LINE.search(here) is not None or (
            _COMMENT.match(above) is not None and _ON_LINE.search(above) is not None
        )
