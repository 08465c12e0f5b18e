"""What can be said of Python that cannot be parsed: a mistake in one line hides nothing in the others."""

from __future__ import annotations

from .patterns import pattern

# The names are those of bandit's rules for the same flaws; it needs a syntax tree, this does not.
TABLE = (
    pattern("B102", r"(?<![\w.])exec\s*\(\s*(?![\"'])", view="bare", confidence="LOW"),
    pattern("B301", r"\b(?:c?[pP]ickle|dill|shelve|jsonpickle)\.(?:loads?|Unpickler|decode|open)\s*\(", view="bare", confidence="LOW"),
    pattern("B307", r"(?<![\w.])eval\s*\(\s*(?![\"'])", view="bare", confidence="LOW"),
    pattern("B324", r"\bhashlib\.(?:md5|sha1)\s*\(", view="bare", unless=r"usedforsecurity\s*=\s*False", confidence="LOW"),
    pattern("B501", r"\bverify\s*=\s*False\b", view="bare", confidence="LOW"),
    pattern("B506", r"\byaml\.load\s*\(", view="bare", unless=r"Safe", confidence="LOW"),
    pattern("B602", r"\bshell\s*=\s*True\b", view="bare", confidence="LOW"),
    pattern("B605", r"\bos\.(?:system|popen)\s*\(\s*(?!\"[ ]*\"\s*\)|'[ ]*'\s*\))", view="bare", confidence="LOW"),
    pattern("B608", r"\.execute(?:many)?\s*\(\s*(?:[fF][\"']\x02|[\"'][ ]*[\"']\s*(?:%|\+|\.format))", view="bare", confidence="LOW"),
)  # fmt: skip
