"""Every rule belongs to a scan type and says what is wrong; wishes to look away are seen, and not obeyed."""

from __future__ import annotations

import pytest
from airlock_agents.builtin.findings.finding import MAX_MESSAGE, Finding
from airlock_agents.builtin.security_scanner.catalogue import (
    BANDIT_TYPES,
    OWN,
    SCAN_TYPES,
    types_of,
    wanted,
    weakness_of,
)
from airlock_agents.builtin.security_scanner.merging import merge
from airlock_agents.builtin.security_scanner.own_checks import check_others, check_python, check_unparsed
from airlock_agents.builtin.security_scanner.rules import bandit_severity


def test_every_rule_of_our_own_is_whole() -> None:
    for name, rule in OWN.items():
        assert set(rule.types) <= set(SCAN_TYPES), name
        assert rule.types, name
        assert rule.weakness > 0, name
        assert rule.message.endswith("."), name
        assert len(rule.message) <= MAX_MESSAGE, name


@pytest.mark.parametrize(
    ("rule", "tool", "types", "weakness"),
    [
        ("B602", "bandit", ("injection",), 78),
        ("B602", "airlock", ("injection",), 78),
        ("B105", "bandit", ("secrets",), 259),
        ("B324", "bandit", ("code",), 328),
        ("B999", "bandit", ("code",), None),
        ("js-eval", "airlock", ("injection",), 95),
        ("py-template-injection", "airlock", ("injection", "xss"), 1336),
        ("private-key", "detect-secrets", ("secrets",), 798),
        ("CVE-2021-44228", "osv", ("dependencies",), 1395),
    ],
)
def test_a_rule_belongs_to_types_and_to_a_weakness(
    rule: str, tool: str, types: tuple[str, ...], weakness: int | None
) -> None:
    assert types_of(rule, tool) == types
    assert weakness_of(rule, tool) == weakness
    assert all(wanted([one], rule, tool) == (one in types) for one in SCAN_TYPES)
    assert wanted(["all"], rule, tool)
    assert {one for kinds in BANDIT_TYPES.values() for one in kinds} <= set(SCAN_TYPES)


def test_a_suppressed_finding_keeps_its_severity() -> None:
    (loud,) = check_others("a.js", "eval(x);\n", "a.js")
    (soft,) = check_others("a.js", "eval(x); // eslint-disable-line\n", "a.js")
    assert (loud.severity, loud.suppressed) == ("HIGH", False)
    assert (soft.severity, soft.suppressed) == ("HIGH", True)


def test_what_machines_wrote_is_said_with_less_confidence_and_no_less_loud() -> None:
    (one,) = check_others("a.min.js", "x=1;" * 500 + "eval(x);\n", "a.min.js")
    assert (one.severity, one.confidence) == ("HIGH", "LOW")


def test_bandit_is_disproved_where_all_is_fixed_and_only_there() -> None:
    code = "T = 'teas'\ndb.execute(f'SELECT * FROM {T}')\ndb.execute(f'SELECT * FROM {t} WHERE a = 1')\n"
    said = [Finding("B608", "MEDIUM", "LOW", "a.py", line, "sql", "bandit") for line in (2, 3)]
    found = check_python(code, "a.py", said)
    assert {(one.rule, one.line) for one in found} == {("B608", 3), ("py-sql-injection", 3)}
    (merged,) = merge(found)
    assert (merged.rule, merged.also, merged.severity) == ("B608", ("py-sql-injection",), "HIGH")


def test_two_rules_for_different_flaws_of_a_line_stay_two() -> None:
    two = [
        Finding("B602", "HIGH", "HIGH", "a.py", 1, "shell", "bandit"),
        Finding("B307", "MEDIUM", "HIGH", "a.py", 1, "eval", "bandit"),
        Finding("py-command-injection", "HIGH", "MEDIUM", "a.py", 2, "shell", "airlock"),
    ]
    assert sorted(one.rule for one in merge(two)) == ["B307", "B602", "py-command-injection"]


def test_python_that_cannot_be_parsed_is_said_to_be_judged_by_its_words() -> None:
    (one,) = check_unparsed("def broken(:\n    eval(x)\n", "a.py")
    assert (one.rule, one.line, one.confidence) == ("B307", 2, "LOW")
    assert "cannot be parsed" in one.message


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("digest = hashlib.md5(password.encode()).hexdigest()", "HIGH"),
        ("signature = hmac.new(key, body, hashlib.sha1())", "MEDIUM"),
        ("Signer(secret, digest_method=hashlib.sha1())", "MEDIUM"),
        ("name = hashlib.sha1(image.read()).hexdigest()", "MEDIUM"),
    ],
)
def test_a_weak_digest_is_loud_where_something_rests_on_it(line: str, severity: str) -> None:
    assert bandit_severity("B324", "HIGH", line) == severity
    assert bandit_severity("B602", "HIGH", line) == "HIGH"


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("'j F، Y \u200f'", "LOW"),
        ("'\u200e \u061c'", "LOW"),
        ("if a:  # \u202e", "HIGH"),
        ("'\u2067'", "HIGH"),
    ],
)
def test_what_turns_code_around_is_loud_and_a_mark_of_direction_is_not(line: str, severity: str) -> None:
    assert bandit_severity("B613", "HIGH", line) == severity
