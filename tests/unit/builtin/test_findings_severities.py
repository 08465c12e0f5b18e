"""What is loud and what is not: test code and placeholders are not, real tokens are everywhere."""

from __future__ import annotations

from pathlib import PurePath

import pytest
from airlock_agents.builtin.findings import secret_kinds, severities


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("tests/data/key.pem", True),
        ("src/pkg/test/util.py", True),
        ("test_app.py", True),
        ("pkg/app_test.go", True),
        ("web/cart.spec.ts", True),
        ("conftest.py", True),
        ("shop/tests.py", True),
        ("src/contest.py", False),
        ("src/latest/app.py", False),
        ("src/attest.py", False),
        ("tests", False),
        ("testing/app.py", False),
    ],
)
def test_test_code_is_known_by_the_names_that_runners_look_for(path: str, test: bool) -> None:
    assert severities.is_test(PurePath(path)) is test


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("README.md", True),
        ("docs/config.rst", True),
        ("docs/releases/1.10.txt", True),
        ("Doc/guide.html", True),
        ("CHANGES.txt", True),
        ("release-notes_1.2.txt", True),
        ("requirements.txt", False),
        ("passwords.txt", False),
        ("docs/conf.py", False),
        ("docs/deploy/.env", False),
        ("templates/index.html", False),
    ],
)
def test_a_document_is_known_by_its_kind_or_its_place(path: str, document: bool) -> None:
    assert severities.is_document(PurePath(path)) is document


@pytest.mark.parametrize(
    "value",
    [
        "password",
        "my-password",
        "pass1",
        "changeme",
        "xxxx",
        "<token>",
        "your_api_key",
        "aws_secret_access_key",
    ],
)
def test_what_people_write_in_place_of_a_secret_is_a_placeholder(value: str) -> None:
    assert secret_kinds.is_placeholder(value)


@pytest.mark.parametrize(
    "value", ["kV7-tulip-orbit-92", "passwort-Lindenhof", "hunter2", "admin2024!", "tulip_secret_key", ""]
)
def test_what_could_be_a_secret_is_none(value: str) -> None:
    assert not secret_kinds.is_placeholder(value)


def test_words_without_a_digit_may_be_prose() -> None:
    assert secret_kinds.is_prose("secret-keyword", "Enter PIN for ")
    assert not secret_kinds.is_prose("secret-keyword", "kV7-tulip")
    assert not secret_kinds.is_prose("private-key", "BEGIN")


def test_only_real_tokens_stay_loud_in_tests() -> None:
    assert [severities.in_test(one) for one in severities.SEVERITIES] == ["CRITICAL", "LOW", "LOW", "LOW"]


def test_severities_are_ordered() -> None:
    assert [one for one in severities.SEVERITIES if severities.at_least(one, "MEDIUM")] == [
        "CRITICAL",
        "HIGH",
        "MEDIUM",
    ]


@pytest.mark.parametrize("value", ["sha512-" + "Ab3/" * 22, "sha256:" + "0f" * 32, "SHA384-" + "x_Y-" * 16])
def test_a_digest_that_says_which_it_is_is_no_secret(value: str) -> None:
    assert secret_kinds.is_digest(value)


@pytest.mark.parametrize("value", ["Ab3/" * 22, "sha512-short", "token-" + "Ab3/" * 22])
def test_other_strings_may_be_one(value: str) -> None:
    assert not secret_kinds.is_digest(value)
