"""What an approval binds: eight lines, in an order that is for ever, and nothing else."""

from __future__ import annotations

from dataclasses import fields, replace
from hashlib import sha256

import pytest
from airlock_contracts.payload import Payload, sha256_hex

SHOWN = Payload(
    project="default",
    run="01990000-0000-7000-8000-000000000001",
    node="apply",
    agent_content_sha256="a" * 64,
    action="apply",
    input_sha256="b" * 64,
    preview_sha256=sha256_hex(b""),
)
TEXT = """\
airlock-payload-v1
default
01990000-0000-7000-8000-000000000001
apply
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
apply
bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"""


def test_a_payload_is_the_hash_of_its_fields_a_line_each_under_a_version() -> None:
    assert SHOWN.sha256 == sha256(TEXT.encode()).hexdigest()


def test_names_of_people_s_languages_are_bound_as_utf_8() -> None:
    other = replace(SHOWN, project="größe")
    assert other.sha256 == sha256(TEXT.replace("default", "größe").encode()).hexdigest()


@pytest.mark.parametrize("name", [one.name for one in fields(Payload)])
def test_a_decision_binds_every_field(name: str) -> None:
    assert replace(SHOWN, **{name: getattr(SHOWN, name) + "0"}).sha256 != SHOWN.sha256
