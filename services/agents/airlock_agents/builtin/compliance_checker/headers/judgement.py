"""Says which security headers nobody in the tree sends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..facts import Breach, Serves
from .values import WANTED

_SPELLED = {
    "strict-transport-security": "Strict-Transport-Security",
    "x-content-type-options": "X-Content-Type-Options",
    "x-frame-options": "X-Frame-Options (or frame-ancestors)",
    "content-security-policy": "Content-Security-Policy",
    "referrer-policy": "Referrer-Policy",
}


def judge(serves: Sequence[tuple[str, Serves]], sent: frozenset[str]) -> Iterator[Breach]:
    """Name each missing header once, at the first place from which pages are served.

    A header that a server or an application anywhere in the tree sends is taken to be sent by all: which of
    them stands in front of which is not told by their files.
    """
    if not serves:
        return
    path, place = min(serves, key=lambda one: (one[1].application, one[0].count("/"), one[0], one[1].line))
    for header, rule in WANTED.items():
        if header not in sent:
            said = f"{_SPELLED[header]} is sent by nothing in the workspace."
            yield Breach(rule, place.line, said, confidence="MEDIUM", file=path)
