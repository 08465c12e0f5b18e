"""An answer is read in an agent's tests as a host reads it: neither more nor less is taken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from airlock_contracts.strict_json import InvalidJson, parse
from airlock_sdk import Agent, Context
from airlock_sdk.testing import run_action, run_stdio
from airlock_sdk.testing.answer import read_answer
from hypothesis import given
from hypothesis import strategies as st

REFUSED = [
    b"",
    b"{} {}",
    b"{'a': 1}",
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e400}',
    b'{"a": 1, "a": 2}',
    b'{"a": {"b": 1, "\\u0062": 2}}',
    b'{"a": "\\u0000"}',
    b'{"\\ud800": 1}',
    b'{"a": "\xff"}',
    b"\xef\xbb\xbf{}",
    b'{"a": ' + b"9" * 101 + b"}",
    b'{"a": 0.' + b"9" * 101 + b"}",
    b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}",
    b"[" * 100_000,
]
TAKEN = [
    b'{"a": "\\u00e4\xc3\xa4\\ud83d\\ude00", "b": [1, 2.5, -0.0, 1e3, null, true]}',
    b'{"a": ' + b"9" * 100 + b"}",
    b'{"a": ' + b"[" * 63 + b"1" + b"]" * 63 + b"}",
    b'{"a": 1, "b": {"a": 2}, "": ""}',
]


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_a_host_refuses_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse(text)
    with pytest.raises(ValueError, match=r"."):
        read_answer(text)


@pytest.mark.parametrize("text", TAKEN, ids=range(len(TAKEN)))
def test_what_a_host_takes_is_taken_as_it_is(text: bytes) -> None:
    assert read_answer(text) == parse(text)


@given(text=st.text(alphabet='[]{}:,"0123456789eE.-\\\\u0aNntrufalsI ', max_size=40))
def test_both_readers_agree_on_any_text(text: str) -> None:
    data = text.encode()
    try:
        expected = parse(data)
    except InvalidJson:
        with pytest.raises(ValueError, match=r"."):
            read_answer(data)
    else:
        assert repr(read_answer(data)) == repr(expected)


def test_an_answer_that_is_no_strict_json_is_the_failure_that_a_host_makes_of_it(tmp_path: Path) -> None:
    agent = Agent()

    @agent.action("go")
    def go(inputs: dict[str, str], ctx: Context) -> dict[str, str]:
        return {"text": "\0"}

    outcome = run_action(agent, "go", {}, scratch=tmp_path)
    assert outcome.output is None
    assert outcome.failure == {"code": "output.invalid_json", "message": "a string holds U+0000"}

    twice = run_stdio([sys.executable, "-c", 'print(\'{"a": 1, "a": 2}\')'], {})
    assert twice.output is None
    assert twice.failure is not None
    assert twice.failure["code"] == "output.invalid_json"
