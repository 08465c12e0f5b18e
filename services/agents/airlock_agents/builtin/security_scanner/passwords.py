"""One finding of a password that both tools saw."""

from __future__ import annotations

from dataclasses import replace

from ..findings.finding import Finding
from .rules import PASSWORDS


def merge_passwords(findings: list[Finding]) -> list[Finding]:
    """Make one finding of a password that both tools saw on the same line; it names both rules.

    If either tool is asked to look away, it counts as suppressed.
    """
    secrets = {one.line: one for one in findings if one.tool == "detect-secrets"}
    result: list[Finding] = []
    for one in findings:
        if one.rule in PASSWORDS and one.line in secrets:
            secret = secrets[one.line]
            also = tuple(dict.fromkeys((*secret.also, one.rule)))
            secrets[one.line] = replace(secret, also=also, suppressed=secret.suppressed or one.suppressed)
        elif one.tool != "detect-secrets":
            result.append(one)
    return result + list(secrets.values())
