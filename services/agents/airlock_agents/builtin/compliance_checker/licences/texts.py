"""Recognises the texts of licences by phrases that stand in them and in no other."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_TEXT = 300_000  # characters that are looked at; the longest known licence has 45,000
_NAME = re.compile(
    r"(?i)(un)?licen[cs]es?([._-][\w.+-]{1,60})?|copying([._-][\w.+-]{1,60})?|copyright|[\w.+-]{1,40}-licen[cs]e(\.\w{1,5})?"
)
_NO_TEXTS = (
    ".py",
    ".js",
    ".ts",
    ".go",
    ".java",
    ".rb",
    ".rs",
    ".c",
    ".h",
    ".json",
    ".yml",
    ".yaml",
    ".toml",
    ".sh",
)
_WORDS = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Known:
    id: str
    all_of: tuple[str, ...]
    none_of: tuple[str, ...] = ()


_MIT = "permission is hereby granted free of charge to any person obtaining a copy of this software"
_MIT_NOTICE = "permission notice shall be included in all copies or substantial portions"
_BSD = "redistribution and use in source and binary forms with or without modification are permitted"
_BSD_NAME = "may be used to endorse or promote products"
_BSD_AD = "all advertising materials mentioning features"
_ISC = "software for any purpose with or without fee is hereby granted"
_ISC_NOTICE = "provided that the above copyright notice and this permission notice appear in all copies"

# Phrases are lower case words with single spaces: that is what a text is made into before.
_TEXTS = (
    _Known("MIT", (_MIT, _MIT_NOTICE), ("except as contained in this notice the name",)),
    _Known("MIT-0", (_MIT,), (_MIT_NOTICE,)),
    _Known("X11", (_MIT, _MIT_NOTICE, "except as contained in this notice the name")),
    _Known("Apache-2.0", ("apache license version 2 0 january 2004",)),
    _Known(
        "Apache-2.0",
        ("licensed under the apache license version 2 0",),
        ("apache license version 2 0 january",),
    ),
    _Known("BSD-4-Clause", (_BSD, _BSD_AD)),
    _Known("BSD-3-Clause", (_BSD, _BSD_NAME), (_BSD_AD,)),
    _Known("BSD-2-Clause", (_BSD,), (_BSD_NAME, _BSD_AD)),
    _Known("ISC", (_ISC, _ISC_NOTICE)),
    _Known("0BSD", (_ISC,), (_ISC_NOTICE, "provided that")),
    _Known("MPL-2.0", ("mozilla public license version 2 0", "1 1 contributor")),
    _Known("MPL-2.0", ("subject to the terms of the mozilla public license v 2 0",), ("1 1 contributor",)),
    _Known("GPL-2.0", ("gnu general public license version 2 june 1991",)),
    _Known("GPL-3.0", ("gnu general public license version 3 29 june 2007",)),
    _Known("LGPL-2.0", ("gnu library general public license version 2 june 1991",)),
    _Known("LGPL-2.1", ("gnu lesser general public license version 2 1 february 1999",)),
    _Known("LGPL-3.0", ("gnu lesser general public license version 3 29 june 2007",)),
    _Known("AGPL-3.0", ("gnu affero general public license version 3 19 november 2007",)),
    _Known("EPL-1.0", ("eclipse public license v 1 0",), ("eclipse public license v 2 0",)),
    _Known("EPL-2.0", ("eclipse public license v 2 0",)),
    _Known("EUPL-1.2", ("european union public licence v 1 2",)),
    _Known("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    _Known("CC0-1.0", ("cc0 1 0 universal",)),
    _Known("CC-BY-4.0", ("creative commons attribution 4 0 international",)),
    _Known("CC-BY-SA-4.0", ("creative commons attribution sharealike 4 0 international",)),
    _Known("BSL-1.0", ("boost software license version 1 0",)),
    _Known(
        "Zlib", ("altered source versions must be plainly marked as such", "this software is provided as is")
    ),
    _Known("Python-2.0", ("python software foundation license version 2",)),
    _Known("Artistic-2.0", ("the artistic license 2 0",)),
    _Known("WTFPL", ("do what the fuck you want to public license",)),
    _Known("SSPL-1.0", ("server side public license version 1 october 16 2018",)),
    _Known("BUSL-1.1", ("business source license 1 1",)),
    _Known("Elastic-2.0", ("elastic license 2 0",)),
)
PROPRIETARY = "LicenseRef-Proprietary"
_OWN = re.compile(
    r"\b(?:proprietary|confidential|no licen[cs]e is granted|without (?:the )?"
    r"(?:prior |express |written ){1,3}(?:permission|consent)|may not be (?:used|copied|distributed))\b"
)


def is_licence_text(path: str) -> bool:
    """Tell whether a file holds the text of a licence, by its name or its folder."""
    folder, _, name = path.rpartition("/")
    if name.lower().endswith(_NO_TEXTS):
        return False
    return _NAME.fullmatch(name) is not None or folder in ("LICENSES", "licenses", "LICENCES")


def recognise(text: str) -> tuple[str, ...]:
    """Answer the SPDX ids of the licences whose text stands in it (GNU ones without only or later)."""
    words = " ".join(_WORDS.findall(text[:MAX_TEXT].lower()))
    found = {
        one.id
        for one in _TEXTS
        if all(phrase in words for phrase in one.all_of)
        and not any(phrase in words for phrase in one.none_of)
    }
    if not found and "all rights reserved" in words and _OWN.search(words):
        return (PROPRIETARY,)
    return tuple(sorted(found))
