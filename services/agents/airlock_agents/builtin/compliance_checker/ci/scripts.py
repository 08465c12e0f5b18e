"""What is wrong with the commands of a pipeline, on whatever platform."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import shell_lines
from ..facts import Breach
from ..yaml_nodes import Node

# A secret that is echoed is fine where it goes into a file, a pipe or the platform's own commands.
_PRINTED = re.compile(
    r"(?:^|[;&|]|\bdo\b|\bthen\b)\s{0,20}(?:echo|printf|print|cat\s*<<<)\b"
    r"(?![^\n]{0,300}?::add-mask)([^\n|>]{0,300}?)"
    r"(\$\{\{\s*(?:secrets\.[A-Za-z_]\w{0,80}|toJSON\(\s*secrets\s*\))\s*\}\})([^\n]{0,300})",
    re.MULTILINE,
)
_ELSEWHERE = re.compile(r"[|>]")
_SECURITY = re.compile(
    r"(?i)\b(?:sast|dast|security|trivy|grype|snyk|codeql|bandit|semgrep|gitleaks|trufflehog"
    r"|secrets?[ _-]detection|dependency[ _-]?(?:scan\w*|review|check)|container[ _-]?scan\w*"
    r"|pip-audit|npm[ _-]audit|audit|vulnerab\w+)\b"
)


def check_script(script: Node) -> Iterator[Breach]:
    """Look at a script of a pipeline."""
    for line in script.lines_of(shell_lines.piped_to_shell(script.text)):
        yield Breach("ci.pipe-to-shell", line, "What is fetched is run at once.")
    printed = _PRINTED.finditer(script.text)
    for line in script.lines_of(found.start(2) for found in printed if not _ELSEWHERE.search(found[3])):
        yield Breach("ci.secret-printed", line, "A secret is printed to the log.")


def is_security_check(name: str) -> bool:
    """Tell whether a job or step is a security check, by what it is called or uses."""
    return _SECURITY.search(name[:300].replace("_", " ").replace("/", " ")) is not None
