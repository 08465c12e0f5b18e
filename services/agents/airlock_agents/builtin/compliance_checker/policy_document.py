"""Reads a policy: every mistake in it is told at once, each with its place and what may have been meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from ..findings.severities import SEVERITIES, Severity
from .policy import Excuse, Policy, Required, Setting
from .rules.catalogue import RULES
from .rules.rule import SCOPES, Scope

VERSION = 1
MAX_BYTES = 256 * 1024
MAX_ITEMS = 500  # of any list
MAX_TEXT = 300  # characters of a pattern, a licence, a name
MAX_REASON = 1000
_KEYS = ("version", "rules", "scopes", "licences", "required_files", "exceptions", "fail_on")
_CHOICES = {"when": ("practised", "always")}
_LICENCE = re.compile(r"[A-Za-z0-9.+-]{1,100}\*?")


class PolicyProblems(Exception):
    """A policy cannot be taken: `problems` has a line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems)[:1500])
        self.problems = problems


def read_policy(document: Any) -> Policy:
    """Make a policy of a JSON value. Raises PolicyProblems."""
    reader = _Reader()
    policy = reader.policy(document)
    if reader.problems:
        raise PolicyProblems(reader.problems)
    return policy


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []

    def policy(self, document: Any) -> Policy:
        top = self._object(document, "the policy", _KEYS, required=("version",))
        if "version" in top and top["version"] != VERSION:
            self._say("version", f"must be {VERSION}")
        licences = self._object(top.get("licences", {}), "licences", ("allow", "deny"))
        return Policy(
            rules=dict(self._rules(top.get("rules", {}))),
            scopes=self._scopes(top["scopes"]) if "scopes" in top else None,
            allowed=self._licences(licences.get("allow", []), "licences.allow"),
            denied=self._licences(licences["deny"], "licences.deny") if "deny" in licences else None,
            required=tuple(self._required(top.get("required_files", []))),
            excuses=tuple(self._excuses(top.get("exceptions", []))),
            fail_on=self._severity(top.get("fail_on", "HIGH"), "fail_on") or "HIGH",
        )

    def _rules(self, value: Any) -> Iterator[tuple[str, Setting]]:
        if not isinstance(value, Mapping):
            self._say("rules", "must be an object of rule ids")
            return
        for rule, wanted in value.items():
            if self._known_rule(rule, "rules"):
                yield rule, self._setting(rule, wanted)

    def _setting(self, rule: str, wanted: Any) -> Setting:
        place = f"rules.{rule}"
        if wanted == "off" or wanted is False:  # YAML 1.1 reads a bare off as false
            return Setting(off=True)
        if isinstance(wanted, str):
            return Setting(severity=self._severity(wanted, place))
        detailed = self._object(wanted, place, ("severity", "options"))
        inner = Setting()
        severity = detailed.get("severity")
        if isinstance(severity, str) or severity is False:
            inner = self._setting(rule, severity)
        elif "severity" in detailed:
            self._say(f"{place}.severity", "must be a text")
        known = RULES[rule].options
        options = self._object(detailed.get("options", {}), f"{place}.options", tuple(known))
        for name, given in options.items():
            if name in known and not _alike(given, known[name]):
                self._say(f"{place}.options.{name}", f"must be like {known[name]!r}")
            elif name in _CHOICES and given not in _CHOICES[name]:
                self._say(f"{place}.options.{name}", f"must be one of {', '.join(_CHOICES[name])}")
        return Setting(inner.off, inner.severity, options)

    def _scopes(self, value: Any) -> frozenset[Scope] | None:
        chosen: set[Scope] = set()
        for one in self._list(value, "scopes"):
            if one == "all":
                return None
            found = next((scope for scope in SCOPES if scope == one), None)
            if found is None:
                self._unknown("scopes", one, (*SCOPES, "all"))
            else:
                chosen.add(found)
        return frozenset(chosen)

    def _licences(self, value: Any, place: str) -> tuple[str, ...]:
        listed = []
        for one in self._list(value, place):
            if isinstance(one, str) and _LICENCE.fullmatch(one):
                listed.append(one)
            else:
                self._say(place, f"{one!r:.60} is no SPDX id (a * may stand at its end)")
        return tuple(listed)

    def _required(self, value: Any) -> Iterator[Required]:
        for number, one in enumerate(self._list(value, "required_files")):
            place = f"required_files[{number}]"
            patterns = [one] if isinstance(one, str) else self._list(one, place)
            yield Required(tuple(self._text(item, place) for item in patterns))

    def _excuses(self, value: Any) -> Iterator[Excuse]:
        for number, one in enumerate(self._list(value, "exceptions")):
            place = f"exceptions[{number}]"
            keys = ("rule", "paths", "reason", "by", "expires")
            excuse = self._object(one, place, keys, required=("rule", "paths", "reason"))
            rule = excuse.get("rule")
            if rule is not None:
                self._known_rule(rule, f"{place}.rule")
            paths = [
                self._text(item, f"{place}.paths") for item in self._list(excuse.get("paths", ["**"]), place)
            ]
            if not paths:
                self._say(f"{place}.paths", "must name at least one path")
            reason = excuse.get("reason", "-")
            if not isinstance(reason, str) or not reason.strip() or len(reason) > MAX_REASON:
                self._say(f"{place}.reason", f"must be a text of 1 to {MAX_REASON} characters")
            by = self._text(excuse["by"], f"{place}.by") if "by" in excuse else None
            yield Excuse(str(rule), tuple(paths), str(reason), by, self._day(excuse.get("expires"), place))

    def _day(self, value: Any, place: str) -> date | None:
        if value is None:
            return None
        try:
            return date.fromisoformat(value) if isinstance(value, str) else _plain_date(value)
        except ValueError:
            self._say(f"{place}.expires", f"{value!r:.40} is no day like 2030-12-31")
            return None

    def _severity(self, value: Any, place: str) -> Severity | None:
        found = next((one for one in SEVERITIES if one == value), None)
        if found is None:
            self._say(place, f"{value!r:.40} is none of {', '.join(SEVERITIES)}" + self._off(place))
        return found

    def _known_rule(self, rule: Any, place: str) -> bool:
        if not isinstance(rule, str):
            self._say(place, f"{rule!r:.60} is no text: it names one rule")
            return False
        if rule in RULES:
            return True
        self._unknown(place, rule, tuple(RULES))
        return False

    def _object(
        self, value: Any, place: str, keys: tuple[str, ...], *, required: tuple[str, ...] = ()
    ) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self._say(place, "must be an object")
            return {}
        for key in value:
            if key not in keys:
                self._unknown(place, key, keys)
        for key in required:
            if key not in value:
                self._say(place, f"needs {key}")
        return value

    def _list(self, value: Any, place: str) -> list[Any]:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            self._say(place, f"must be a list of at most {MAX_ITEMS}")
            return []
        return value

    def _text(self, value: Any, place: str) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
            self._say(place, f"must be a text of 1 to {MAX_TEXT} characters")
        return str(value)

    def _unknown(self, place: str, word: Any, known: tuple[str, ...]) -> None:
        near = get_close_matches(str(word)[:100], known, n=1, cutoff=0.6)
        meant = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)[:400] or 'none'}"
        self._say(place, f"{str(word)[:100]!r} is unknown; {meant}")

    def _off(self, place: str) -> str:
        return ", off" if place.startswith("rules.") else ""

    def _say(self, place: str, what: str) -> None:
        if len(self.problems) < 20:
            self.problems.append(f"{place}: {what}")


def _plain_date(value: Any) -> date:
    if type(value) is date:
        return value
    raise ValueError("no day")


def _alike(given: Any, default: Any) -> bool:
    if isinstance(default, tuple):
        return isinstance(given, list) and all(isinstance(one, str) for one in given)
    if isinstance(default, int):
        return type(given) is int and 0 <= given <= 100_000
    return isinstance(given, str)
