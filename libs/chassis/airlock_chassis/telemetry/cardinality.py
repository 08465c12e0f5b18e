"""How many series a metric may have: labels hold names that people register, and each name lives for ever.

A process shows the first 500 names of each such label, and `other` for what comes later. So a registry grows
neither with the catalog nor with what an agent makes up; the figures of `other` are still counted, together.
"""

from collections.abc import Collection, Mapping, Sequence

from airlock_contracts.failures import CODES

MOST_NAMES = 500
"""Of one label, in one process."""
MOST_SERIES = 5_000
"""Of one metric with several such labels: 500 agents of 500 actions would be 250,000."""
OTHER = "other"
ALWAYS = ""
"""What a label holds that speaks of everything, such as `tag` of a figure before it is divided by tags."""


class Names:
    """The names that one label has shown."""

    def __init__(self, reserved: Collection[str] = (), most: int = MOST_NAMES) -> None:
        self._reserved = frozenset(reserved)
        self._most = most
        self._shown: set[str] = set()

    def shown(self, name: str) -> str:
        """The name, or `other` once there are too many."""
        if name in self._shown or name in self._reserved or name == ALWAYS:
            return name
        if len(self._shown) >= self._most:
            return OTHER
        self._shown.add(name)
        return name


# The same names over all metrics, so that what one shows can be divided by what another shows.
_REGISTERED: Mapping[str, Names] = {
    "workflow": Names(),
    "agent": Names(),
    "action": Names(),
    "tag": Names(),
    "pool": Names(),
    # An agent may give codes of its own; they never push out ours.
    "code": Names(reserved=CODES),
}


class Series:
    """The combinations of names that one metric has shown."""

    def __init__(
        self,
        labels: Sequence[str],
        registered: Mapping[str, Names] = _REGISTERED,
        most: int = MOST_SERIES,
    ) -> None:
        self._registered = {label: registered[label] for label in labels if label in registered}
        self._most = most
        self._shown: set[tuple[str, ...]] = set()

    def shown(self, labels: Mapping[str, object]) -> dict[str, object]:
        """The labels as the metric may show them."""
        bounded = dict(labels)
        for label, names in self._registered.items():
            bounded[label] = names.shown(str(labels[label]))
        if len(self._registered) > 1:
            names_of_it = tuple(str(bounded[label]) for label in self._registered)
            if names_of_it not in self._shown:
                if len(self._shown) >= self._most:
                    return bounded | dict.fromkeys(self._registered, OTHER)
                self._shown.add(names_of_it)
        return bounded
