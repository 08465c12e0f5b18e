"""How much of a text a change touched."""

from __future__ import annotations

from ..diff import lines


def lines_changed(before: str, after: str) -> int:
    """Count the lines between the first and the last one that changed, in the longer of two texts.

    An added line counts as one, and so does one that got another text.
    """
    old, new = (lines(text if text.endswith("\n") else text + "\n") for text in (before, after))
    most = min(len(old), len(new))
    start = next((at for at in range(most) if old[at] != new[at]), most)
    left = most - start
    end = next((at for at in range(left) if old[-1 - at] != new[-1 - at]), left)
    return max(len(old), len(new)) - start - end
