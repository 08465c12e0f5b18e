"""Why something that was asked for is left as it is."""

from __future__ import annotations

from dataclasses import dataclass

AROUND = "it could not be changed without changing what stands around it"


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence for the person who asked; at most 300 characters reach them."""

    text: str


@dataclass(frozen=True, slots=True)
class Satisfied(Reason):
    """What was asked for holds already."""
