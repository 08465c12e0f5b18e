"""How severe an advisory is: by its own word, or by its CVSS vector.

Source: CVSS v3.1 specification, section 7 (the base score's equations).
"""

from __future__ import annotations

import re
from typing import Any

from ...findings.severities import Severity

_WORDS: dict[str, Severity] = {
    "CRITICAL": "CRITICAL",
    "HIGH": "HIGH",
    "IMPORTANT": "HIGH",
    "MODERATE": "MEDIUM",
    "MEDIUM": "MEDIUM",
    "LOW": "LOW",
}
_ATTACK_VECTOR = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}
_COMPLEXITY = {"L": 0.77, "H": 0.44}
_PRIVILEGES = {"N": (0.85, 0.85), "L": (0.62, 0.68), "H": (0.27, 0.5)}
_INTERACTION = {"N": 0.85, "R": 0.62}
_IMPACT = {"H": 0.56, "L": 0.22, "N": 0.0}
_VECTOR = re.compile(r"CVSS:3\.[01](?:/[A-Z]{1,3}:[A-Z])+")


def severity_of(document: dict[str, Any]) -> Severity:
    """Answer an advisory's severity; MEDIUM where nobody says."""
    if any(str(one).startswith("MAL-") for one in (document.get("id"), *_list(document.get("aliases")))):
        return "CRITICAL"  # a package made to do harm
    specific = document.get("database_specific")
    word = specific.get("severity") if isinstance(specific, dict) else None
    if isinstance(word, str) and word.upper() in _WORDS:
        return _WORDS[word.upper()]
    scores = [
        score
        for one in _list(document.get("severity"))[:10]
        if isinstance(one, dict) and (score := base_score(str(one.get("score", ""))[:200])) is not None
    ]
    if not scores:
        return "MEDIUM"
    return rated(max(scores))


def rated(score: float) -> Severity:
    """Answer the word for a CVSS score."""
    return "CRITICAL" if score >= 9 else "HIGH" if score >= 7 else "MEDIUM" if score >= 4 else "LOW"


def base_score(vector: str) -> float | None:
    """Compute the base score of a CVSS 3.0 or 3.1 vector; None for anything else."""
    if not _VECTOR.fullmatch(vector):
        return None
    parts = dict(part.split(":") for part in vector.split("/")[1:])
    try:
        changed = parts["S"] == "C"
        lost = 1.0
        for name in ("C", "I", "A"):
            lost *= 1 - _IMPACT[parts[name]]
        privileges = _PRIVILEGES[parts["PR"]][changed]
        ease = (
            8.22
            * _ATTACK_VECTOR[parts["AV"]]
            * _COMPLEXITY[parts["AC"]]
            * privileges
            * _INTERACTION[parts["UI"]]
        )
    except KeyError:
        return None
    base = 1 - lost
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if changed else 6.42 * base
    if impact <= 0:
        return 0.0
    return _round_up(min(1.08 * (impact + ease) if changed else impact + ease, 10.0))


def _round_up(score: float) -> float:
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
