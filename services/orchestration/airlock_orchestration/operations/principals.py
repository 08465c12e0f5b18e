"""Who asks: a named key today, a person or a service later."""

from dataclasses import dataclass

from ..store.tables import KeyRole

DEFAULT_PROJECT = "default"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose key was found and is valid."""

    key: str
    """The key's public id."""
    name: str
    """Stands in the journal and under decisions."""
    role: KeyRole
    project: str = DEFAULT_PROJECT
