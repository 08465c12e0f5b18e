"""What people write where a licence is declared, and the SPDX expression that they mean."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from license_expression import get_spdx_licensing

MAX_EXPRESSION = 500  # characters
_MAX_DEPTH = 20  # brackets
_SPACE = re.compile(r"[\s,]+")
_REFERENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]{1,80}:)?LicenseRef-[A-Za-z0-9.-]{1,80}")

# Free text, in lower case without punctuation, by the id that it means; only what has one meaning.
_MEANT = {
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license mit": "MIT",
    "expat": "MIT",
    "mit expat": "MIT",
    "apache 2": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache 2 0": "Apache-2.0",
    "asl 2 0": "Apache-2.0",
    "apache license 2 0": "Apache-2.0",
    "apache license version 2 0": "Apache-2.0",
    "the apache license version 2 0": "Apache-2.0",
    "the apache software license version 2 0": "Apache-2.0",
    "apache software license 2 0": "Apache-2.0",
    "apache software license version 2 0": "Apache-2.0",
    "apache v2": "Apache-2.0",
    "bsd 3 clause": "BSD-3-Clause",
    "bsd 3 clause license": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "3 clause bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "bsd 2 clause": "BSD-2-Clause",
    "bsd 2 clause license": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "isc license": "ISC",
    "isc license iscl": "ISC",
    "iscl": "ISC",
    "mozilla public license 2 0": "MPL-2.0",
    "mozilla public license 2 0 mpl 2 0": "MPL-2.0",
    "mpl 2 0": "MPL-2.0",
    "mpl2": "MPL-2.0",
    "gplv2": "GPL-2.0-only",
    "gpl v2": "GPL-2.0-only",
    "gnu general public license v2 gplv2": "GPL-2.0-only",
    "gnu general public license v2 or later gplv2": "GPL-2.0-or-later",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3": "GPL-3.0-only",
    "gpl v3": "GPL-3.0-only",
    "gnu general public license v3 gplv3": "GPL-3.0-only",
    "gnu general public license v3 or later gplv3": "GPL-3.0-or-later",
    "gplv3+": "GPL-3.0-or-later",
    "lgplv3": "LGPL-3.0-only",
    "lgplv3+": "LGPL-3.0-or-later",
    "lgplv2+": "LGPL-2.0-or-later",
    "gnu lesser general public license v3 lgplv3": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later lgplv3": "LGPL-3.0-or-later",
    "gnu lesser general public license v2 or later lgplv2": "LGPL-2.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "gnu affero general public license v3 or later agplv3": "AGPL-3.0-or-later",
    "agplv3": "AGPL-3.0-only",
    "agplv3+": "AGPL-3.0-or-later",
    "eclipse public license 2 0 epl 2 0": "EPL-2.0",
    "eclipse public license v2 0": "EPL-2.0",
    "the unlicense unlicense": "Unlicense",
    "cc0": "CC0-1.0",
    "cc0 1 0 universal cc0 1 0 public domain dedication": "CC0-1.0",
    "psf": "Python-2.0",
    "psf 2 0": "PSF-2.0",
    "psfl": "Python-2.0",
    "python software foundation license": "Python-2.0",
    "zlib libpng license": "Zlib",
    "boost software license 1 0 bsl 1 0": "BSL-1.0",
    "proprietary": "LicenseRef-Proprietary",
    "other proprietary license": "LicenseRef-Proprietary",
    "unlicensed": "LicenseRef-Proprietary",
    "commercial": "LicenseRef-Proprietary",
    "all rights reserved": "LicenseRef-Proprietary",
}


@lru_cache(maxsize=1)
def _licensing() -> Any:
    return get_spdx_licensing()


@lru_cache(maxsize=4096)
def spdx(declared: str) -> str | None:
    """Answer the normalised SPDX expression of what is declared; None for what is none.

    References of a project's own (`LicenseRef-`) stay as they are.
    """
    text = " ".join(declared.split())
    if not text or len(text) > MAX_EXPRESSION or text.count("(") > _MAX_DEPTH:
        return None
    try:
        if "LicenseRef-" in text:  # unknown to the library, and right all the same
            parsed = _licensing().parse(text, validate=False)
            unknown = _licensing().unknown_license_keys(parsed)
            return str(parsed) if all(_REFERENCE.fullmatch(one) for one in unknown) else None
        known = _licensing().validate(text)
    except Exception:  # the edge to the library: it trips over some of what it should refuse
        return None
    normalised = known.normalized_expression
    return str(normalised) if not known.errors and normalised else None


@lru_cache(maxsize=4096)
def understood(declared: str) -> str | None:
    """Answer the SPDX expression that a declaration means, also where it is written as people do."""
    if (known := spdx(declared)) is not None:
        return known
    text = declared.rpartition("::")[2] if declared.startswith("License ::") else declared
    bare = " ".join(re.findall(r"[a-z0-9+]+", text.lower()[:MAX_EXPRESSION]))
    if bare in _MEANT:
        return _MEANT[bare]
    if "/" in text and " " not in text.strip():  # the old spelling of Cargo: MIT/Apache-2.0
        return spdx(text.replace("/", " OR "))
    if "," in text and (listed := spdx(_SPACE.sub(" ", text).strip())) is not None:
        return listed
    return None


def alternatives(expression: str) -> list[frozenset[str]]:
    """Answer an expression as alternatives, each a set of licences that hold together.

    A licence WITH an exception is one word. An expression that grows beyond bounds has one alternative with
    all its licences: the stricter reading.
    """
    parsed = _licensing().parse(expression)
    everything = frozenset(str(one) for one in _licensing().license_symbols(parsed, decompose=False))
    return _split(parsed, 0) or [everything]


def _split(node: Any, depth: int) -> list[frozenset[str]]:
    kind = type(node).__name__
    if kind not in ("OR", "AND") or depth > _MAX_DEPTH:
        return [frozenset({str(node)})]
    parts = [_split(one, depth + 1) for one in node.args]
    if any(not one for one in parts):
        return []
    if kind == "OR":
        return [one for part in parts for one in part][:64]
    combined = [frozenset[str]()]
    for part in parts:
        combined = [one | other for one in combined for other in part]
        if len(combined) > 64:
            return []
    return combined
