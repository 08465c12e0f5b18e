"""Findings keep their names, show no secret, and say nothing to a terminal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from airlock_agents.builtin.findings import report
from airlock_agents.builtin.findings.finding import (
    Finding,
    Inspected,
    anchor,
    named,
    printable,
)
from airlock_agents.builtin.findings.sarif import sarif
from airlock_agents.builtin.findings.secret_kinds import name_of
from airlock_agents.builtin.security_scanner.passwords import merge_passwords

SHELL = Finding("B602", "HIGH", "HIGH", "a.py", 3, "shell", "bandit", anchor='run("", shell=True)')
KEY = Finding("private-key", "CRITICAL", "HIGH", "k.pem", 1, "key", "detect-secrets")


def test_an_id_survives_edits_elsewhere_and_knows_a_second_one() -> None:
    (first,) = named([SHELL])
    (moved,) = named([replace(SHELL, line=40)])
    assert moved.id == first.id
    twice = named([SHELL, replace(SHELL, line=9)])
    assert [one.id == first.id for one in twice] == [True, False]


def test_findings_of_two_files_that_are_shown_alike_have_ids_of_their_own() -> None:
    long = "d" * 600
    (one,), (other,) = (named([replace(SHELL, file=printable(long + end))], long + end) for end in "ab")
    assert (one.file, one.id == other.id) == (other.file, False)


def test_an_id_holds_nothing_that_is_between_quotes() -> None:
    one = anchor('db(password="hunter2", user = \'root\')  # "open')
    assert one == anchor('db(password="other", user = \'x\')  # "closed"')
    assert "hunter2" not in one


def test_the_loudest_come_first_and_of_equals_the_surest() -> None:
    guess = replace(SHELL, rule="guess", confidence="LOW", file="a")
    in_test = replace(SHELL, rule="test", in_tests=True, file="a")
    found = named([guess, in_test, SHELL, KEY])
    assert [one.rule for one in found] == ["private-key", "B602", "guess", "test"]


def test_two_tools_on_one_password_make_one_finding() -> None:
    secret = Finding("secret-keyword", "HIGH", "MEDIUM", "a.py", 7, "m", "detect-secrets")
    guess = Finding("B105", "MEDIUM", "MEDIUM", "a.py", 7, "m", "bandit", suppressed=True)
    elsewhere = replace(guess, line=8)
    assert merge_passwords([secret, guess, elsewhere, SHELL]) == [
        elsewhere,
        SHELL,
        replace(secret, also=("B105",), suppressed=True),
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("src/app.py", "src/app.py"),
        ("straße.py", "straße.py"),
        ("a\nb\x1b[2J.py", "a\\nb\\x1b[2J.py"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("a\u2028b", "a\\u2028b"),
        ("latin-\udce9.py", "latin-\\xe9.py"),
        ("n" * 600, "n" * 511 + "…"),
    ],
)
def test_a_hostile_name_is_text_on_one_line(name: str, shown: str) -> None:
    assert printable(name) == shown
    shown.encode("utf-8")


def test_the_output_lists_the_first_ones_and_says_that_there_are_more() -> None:
    many = named(replace(SHELL, line=n) for n in range(1, 301))
    left_out = [{"file": f"f{n}", "reason": "binary"} for n in range(150)]
    lists = report.bounded("findings", many, left_out, total=300)
    assert (len(lists["findings"]), lists["truncated"], lists["report_truncated"]) == (200, True, False)
    assert (len(lists["skipped"]), lists["skipped_total"]) == (100, 150)


def test_the_output_stays_within_its_bytes_whatever_the_names() -> None:
    long = named(replace(SHELL, line=n, file="\U0001f4a3" * 512) for n in range(1, 301))
    left_out = [{"file": "\U0001f4a3" * 512, "reason": "x" * 300}] * 100
    lists = report.bounded("findings", long, left_out, total=300)
    assert len(json.dumps(lists).encode()) <= report.MAX_OUTPUT + 1024
    assert lists["truncated"] is True


def test_the_output_and_the_report_say_alike_that_not_even_the_report_has_everything() -> None:
    lists = report.bounded("issues", [SHELL], [], total=3000)
    assert (lists["truncated"], lists["report_truncated"]) == (True, True)
    document = json.loads(report.full("issues", [SHELL], [], total=3000))
    assert (len(document["issues"]), document["truncated"]) == (1, True)
    assert json.loads(report.full("issues", [SHELL], [], total=1))["truncated"] is False


def test_skipped_files_have_their_reason() -> None:
    assert report.skipped([Inspected("a"), Inspected("b", skipped="binary")]) == [
        {"file": "b", "reason": "binary"}
    ]


def test_sarif_places_are_relative_uris_and_carry_the_id() -> None:
    (one, two) = named([replace(SHELL, file="a dir/ü#?.py", suppressed=True), KEY])[::-1]
    log = sarif([one, two], "security-scanner", "1.0.0")
    (run,) = log["runs"]
    result = run["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20dir/%C3%BC%23%3F.py", "uriBaseId": "%SRCROOT%"}
    assert result["partialFingerprints"] == {"airlockFinding/v1": one.id}
    assert result["suppressions"][0]["kind"] == "inSource"
    assert [run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] for r in run["results"]] == [
        "B602",
        "private-key",
    ]
    assert [r["level"] for r in run["results"]] == ["error", "error"]


def test_what_is_missing_stands_on_no_line() -> None:
    missing = replace(SHELL, rule="files.gitignore-missing", file=".gitignore", line=0)
    assert missing.shown()["line"] is None
    (run,) = sarif([missing], "compliance-checker", "1.0.0")["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": ".gitignore", "uriBaseId": "%SRCROOT%"}}


def test_of_equals_code_comes_before_tests_and_documents() -> None:
    places = ["tests/a.py", "docs/a.rst", "src/b.py", "requirements.txt"]
    found = [replace(SHELL, file=one, in_tests=one.startswith("tests")) for one in places]
    assert [one.file for one in named(found)][:2] == ["requirements.txt", "src/b.py"]


def test_sarif_gives_the_whole_workspace_a_place_and_only_security_a_score() -> None:
    about = replace(SHELL, rule="licences.text-missing", file="")
    (run,) = sarif([about], "compliance-checker", "1.0.0", kind=lambda one: "licences")["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "./", "uriBaseId": "%SRCROOT%"}
    assert run["tool"]["driver"]["rules"][0]["properties"] == {"tags": ["licences", "bandit"]}


@pytest.mark.parametrize(
    ("line", "secrets", "name"),
    [
        ("API_KEY = 'Zq8rT2wX'", ["Zq8rT2wX"], "API_KEY"),
        ('  "password": "Zq8rT2wX",', ["Zq8rT2wX"], "password"),
        ("export DB_TOKEN_2=Zq8rT2wX", ["Zq8rT2wX"], "DB_TOKEN_2"),
        ("spring.mail.password: Zq8rT2wX", ["Zq8rT2wX"], "spring.mail.password"),
        ("ZqrTwXzzA==", ["ZqrTwXzzA=="], ""),
        ("ZqrTwXzzA: known", ["ZqrTwXzzA", "known"], ""),
        ("-----BEGIN RSA PRIVATE KEY-----", ["BEGIN RSA PRIVATE KEY"], ""),
    ],
)
def test_a_secret_is_known_again_by_its_name_and_never_by_itself(
    line: str, secrets: list[str], name: str
) -> None:
    assert name_of(line, secrets) == name
