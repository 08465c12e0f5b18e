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
    "university of illinois ncsa open source license": "NCSA",
    "universal permissive license upl": "UPL-1.0",
}

# A GNU licence in words, whose names vary most: what kind, which version, and whether a later one will do.
_GNU = re.compile(
    r"(?:the )?(?:gnu )?"
    r"(?:(?:(?P<kind>library or lesser|lesser|library|affero) )?general public licen[cs]e"
    r"|(?P<short>[al]?gpl))"
    r"(?: ?(?:v|version )?(?P<version>[123](?: [01])?)(?P<plus>\+)?)?"
    r"(?: (?:(?P<later>or(?: any)? (?:later|newer|above)(?: version)?)|only))?"
)
_GNU_KINDS = {"lesser": "LGPL", "library": "LGPL", "library or lesser": "LGPL", "affero": "AGPL", None: "GPL"}
_GNU_VERSIONS = {"GPL": ("1.0", "2.0", "3.0"), "LGPL": ("2.0", "2.1", "3.0"), "AGPL": ("3.0",)}
_SHORT = re.compile(r"(.{1,400}?)\(([^()]{1,60})\)\s*")  # a name, and in brackets what it is in short


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
    words = _words(text)
    if (meant := _MEANT.get(words) or _gnu(words)) is not None:
        return meant
    if (twice := _SHORT.fullmatch(text)) is not None:
        if (meant := _gnu(_words(twice[1]))) is not None:
            return meant if meant == _gnu(_words(twice[2])) else None
        if text is not declared:  # only a classifier's short name is chosen with care
            return spdx(twice[2].replace(" ", "-"))
    if "/" in text and " " not in text.strip():  # the old spelling of Cargo: MIT/Apache-2.0
        return spdx(text.replace("/", " OR "))
    if "," in text and (listed := spdx(_SPACE.sub(" ", text).strip())) is not None:
        return listed
    return None


def _words(text: str) -> str:
    """Answer the words of a name; what compares or combines is one, too, and part of no name."""
    return " ".join(re.findall(r"[a-z0-9+]+|[<>|&]", text.lower()[:MAX_EXPRESSION]))


def _gnu(words: str) -> str | None:
    """Answer the GNU licence that words name.

    Each of them says itself what a name without a version means: any version that was ever published.
    """
    found = _GNU.fullmatch(words)
    if found is None:
        return None
    kind = found["short"].upper() if found["short"] else _GNU_KINDS[found["kind"]]
    published = _GNU_VERSIONS[kind]
    if found["version"] is None:
        return f"{kind}-{published[0]}-or-later"
    version = found["version"].replace(" ", ".") if " " in found["version"] else found["version"] + ".0"
    later = "or-later" if found["plus"] or found["later"] else "only"
    return f"{kind}-{version}-{later}" if version in published else None


def versions(licence: str) -> list[str]:
    """Answer a licence and, of a GNU licence "or later", its later versions."""
    name = licence.partition(" WITH ")[0]
    kind, _, version = name.removesuffix("-or-later").partition("-")
    published = _GNU_VERSIONS.get(kind, ())
    if not name.endswith("-or-later") or version not in published:
        return [licence]
    return [f"{kind}-{one}-or-later" for one in published[published.index(version) :]]


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
