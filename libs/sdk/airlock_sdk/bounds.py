"""What narrows a type hint beyond what Python's types can say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Narrows a type in `Annotated[str, Bounds(max_length=80)]`; each bound for the types that have it."""

    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None  # characters
    max_length: int | None = None
    pattern: str | None = None  # ECMA-262, searched for: write ^ and $
    min_items: int | None = None
    max_items: int | None = None
