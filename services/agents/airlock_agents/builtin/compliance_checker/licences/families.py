"""What kind of terms a licence has, and whether a project can live with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from .names import alternatives
from .texts import PROPRIETARY

Family = Literal["permissive", "weak", "strong", "restricted", "unknown"]

_STRONG = re.compile(r"(?:A?GPL|OSL|EUPL|CC-BY-SA|CECILL-[12]|GFDL|Sleepycat|QPL|RPL|CPAL)-?.*")
_WEAK = re.compile(r"(?:LGPL|MPL|EPL|CDDL|CPL|MS-RL|CECILL-C|Artistic|APSL|IPL)-?.*")
_RESTRICTED = re.compile(r"(?:SSPL|BUSL|Elastic|PolyForm|CC-BY-(?:NC|ND)|JSON$|NGPL).*")
_VARIANT = re.compile(r"(?:-only|-or-later|\+)$")

# What a project that is nobody's but its owner's cannot ship.
DENIED_IN_PROPRIETARY = ("AGPL-*", "GPL-*", "SSPL-*", "OSL-*", "EUPL-*", "CC-BY-SA-*", "CC-BY-NC-*")
# What no project can ship without asking first.
DENIED_ANYWHERE = ("SSPL-*", "BUSL-*", "CC-BY-NC-*")


def family(licence: str) -> Family:
    """Answer the kind of terms of one licence; an exception to a copyleft licence makes it a weak one."""
    name, _, exception = licence.partition(" WITH ")
    if name == PROPRIETARY or _RESTRICTED.match(name):
        return "restricted"
    if name.startswith("LicenseRef-") or ":" in name:
        return "unknown"
    if _STRONG.match(name):
        return "weak" if exception else "strong"
    return "weak" if _WEAK.match(name) else "permissive"


def bare(licence: str) -> str:
    """Answer a licence without what tells its version's range, or an exception: texts do not tell those."""
    return _VARIANT.sub("", licence.partition(" WITH ")[0])


def fits(licence: str, patterns: Sequence[str]) -> bool:
    """Tell whether a licence is named by one of these, whole or up to a star.

    A copyleft licence with an exception is only meant by a pattern that names it exactly.
    """
    name, _, exception = licence.partition(" WITH ")
    for pattern in patterns:
        if pattern.endswith("*"):
            if not exception and name.startswith(pattern[:-1]):
                return True
        elif pattern == licence or (not exception and bare(pattern) == bare(name) and _same(pattern, name)):
            return True
    return False


def _same(pattern: str, name: str) -> bool:
    return pattern == name or bare(pattern) == pattern  # GPL-3.0 means all of its variants


def acceptable(expression: str, denied: Sequence[str]) -> bool:
    """Tell whether some alternative of an expression has no licence that is denied."""
    return any(not any(fits(one, denied) for one in choice) for choice in alternatives(expression))


def allowed(expression: str, names: Sequence[str]) -> bool:
    """Tell whether some alternative of an expression has only licences that are allowed."""
    return any(all(fits(one, names) for one in choice) for choice in alternatives(expression))


def kindest(expression: str) -> Family:
    """Answer the family of the alternative that asks least: an alternative is as strict as its strictest."""
    order: tuple[Family, ...] = ("permissive", "weak", "strong", "unknown", "restricted")
    strictest = [max((family(one) for one in choice), key=order.index) for choice in alternatives(expression)]
    return min(strictest, key=order.index)
