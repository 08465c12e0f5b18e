"""How code asks tools to look away: never obeyed, always counted, by one list for all agents."""

from __future__ import annotations

import re
from collections.abc import Sequence

# One that names codes asks only for those; which of them concern an agent is the agent's to say.
SECURITY_CODES = r"S\d{3}"
ANY_BUT_LAYOUT = r"(?!(?:E[1-35]|W[1-6]|I0|D[1-4]|Q0|COM)\d*\b)[A-Z]+\d+"

_ON_LINE = (
    r"#\s*nosec\b|//\s*#?\s*nosec\b|nosemgrep|NOSONAR|\bnolint\b|\bNOLINT(?:NEXTLINE)?\b|\blgtm\b|#\s*noqa\b(?!\s*:)"
    r"|#\s*noqa\s*:[^#]*\b(?:{codes})\b|pylint:\s*disable|ruff:\s*(?:ignore|disable)"
    r"|eslint-disable-(?:next-)?line|@ts-(?:ignore|expect-error)|biome-ignore|phpcs:(?:ignore|disable)"
    r"|@phpstan-ignore|psalm-suppress|rubocop:disable|brakeman:ignore|shellcheck\s+disable"
    r"|@SuppressWarnings|@SuppressFBWarnings|noinspection|hadolint\s+(?:global\s+)?ignore|kube-linter"
    r"|snyk:?\s*ignore|checkov:skip|trivy:ignore|kics-scan\s+ignore|zizmor:\s*ignore|NOLICENSE|REUSE-IgnoreStart"
    r"|pragma:\s*allowlist|gitleaks:allow|skipcq|codeql\[|devskim:\s*ignore"
)
_WHOLE_FILE = re.compile(
    r"/\*\s*tslint:disable|phpcs:ignoreFile|@ts-nocheck|#\s*bandit:\s*skip|#\s*(?:flake8|ruff):\s*noqa"
    r"|pylint:\s*skip-file|hadolint\s+global\s+ignore",
    re.IGNORECASE,
)
_FROM_HERE = re.compile(r"/\*\s*eslint-disable(?!-)|phpcs:disable", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(?:#|//|/\*|\*|<!--|\{#|<%#|--|@)")


class Silencing:
    """What one file asks for; `codes` says which of `# noqa: CODES` count."""

    def __init__(self, lines: Sequence[str], codes: str = SECURITY_CODES) -> None:
        self._lines = lines
        self._on_line = re.compile(_ON_LINE.replace("{codes}", codes), re.IGNORECASE)
        whole = any(_WHOLE_FILE.search(line) for line in lines)
        from_here = (number for number, line in enumerate(lines, start=1) if _FROM_HERE.search(line))
        self._from = 1 if whole else next(from_here, len(lines) + 1)

    def covers(self, line: int) -> bool:
        """Tell whether the code asks tools to overlook a line: on it, in a comment above it, or for all."""
        if line >= self._from:
            return True
        here = self._lines[line - 1] if line <= len(self._lines) else ""
        above = self._lines[line - 2] if line >= 2 else ""
        return self._on_line.search(here) is not None or (
            _COMMENT.match(above) is not None and self._on_line.search(above) is not None
        )
