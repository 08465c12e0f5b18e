"""What must hold of a thing before it is changed: that it is still what somebody looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Precondition:
    """What a change builds on, by its tag. Nothing given: it holds."""

    tags: frozenset[str] | None = None
    """The current one must be among these."""
    must_be_there: bool = False
    must_be_absent: bool = False
    other_than: frozenset[str] = frozenset()
    """The current one must be none of these."""

    def holds(self, current: str | None) -> bool:
        """Whether a change of what has this tag now may go on; None where there is nothing yet."""
        if current is None:
            return self.tags is None and not self.must_be_there
        is_wanted = self.tags is None or current in self.tags
        return is_wanted and not self.must_be_absent and current not in self.other_than


ANYTHING = Precondition()
