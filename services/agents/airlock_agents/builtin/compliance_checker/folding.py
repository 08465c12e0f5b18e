"""Makes one violation of those that say the same, so that a rule broken twice counts twice and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from .tree import Placed

# What is more precise than the detectors' word about a secret on the same line.
_PRECISE = frozenset({"containers.plain-password", "containers.secret-in-image", "ci.secret-in-variables"})
_KEY_FILE, _KEY = "files.private-key", "secrets.private-key"
_ACTION = "ci.action-unpinned"


def folded(placed: Iterable[Placed], heard: frozenset[str]) -> list[Placed]:
    """Fold violations into others; only those of rules that are `heard` fold anything.

    A secret that a rule about its place names too is that rule's; a key file whose key was seen is the key's;
    an action that a workflow uses five times is one violation, on its first line.
    """
    listed = [one for one in placed if one.breach.rule in heard]
    precise = {(one.path, one.breach.line): one for one in listed if one.breach.rule in _PRECISE}
    keys = {one.path for one in listed if one.breach.rule == _KEY}
    uses = Counter((one.path, one.breach.message) for one in listed if one.breach.rule == _ACTION)
    also: dict[tuple[str, int], tuple[str, ...]] = {}
    kept: list[Placed] = []
    told: set[tuple[str, str]] = set()
    for one in listed:
        place, said = (one.path, one.breach.line), (one.path, one.breach.message)
        if one.breach.rule.startswith("secrets.") and place in precise:
            also[place] = (one.breach.rule, *one.breach.also)
        elif one.breach.rule == _KEY_FILE and one.path in keys:
            continue
        elif one.breach.rule == _ACTION and uses[said] > 1:
            if said not in told:
                message = f"{one.breach.message[:-1]} ({uses[said]} times)."
                kept.append(replace(one, breach=replace(one.breach, message=message)))
            told.add(said)
        else:
            kept.append(one)
    return [_with(one, also) for one in kept]


def _with(one: Placed, also: dict[tuple[str, int], tuple[str, ...]]) -> Placed:
    extra = also.get((one.path, one.breach.line))
    if extra is None or one.breach.rule not in _PRECISE:
        return one
    return replace(one, breach=replace(one.breach, also=(*one.breach.also, *extra)))
