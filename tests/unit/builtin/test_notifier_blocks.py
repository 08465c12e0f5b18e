"""A notification says what it was given, bounded, and nothing to a terminal."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from airlock_agents.builtin.notifier.block import MAX_BLOCK, MAX_FRAME, Block, Notification, render
from airlock_agents.builtin.notifier.severities import FORMS
from airlock_agents.builtin.notifier.table import width
from airlock_sdk.frames import encode_header
from hypothesis import given
from hypothesis import strategies as st


def made(**one: Any) -> Block:
    return render(Notification(title="Done", **one), {})  # type: ignore[typeddict-item]


def test_a_block_has_title_message_and_facts() -> None:
    text = made(
        message="One\nTwo", severity="HIGH", facts={"findings": {"HIGH": 2, "LOW": 0}, "n": 3, "l": [1]}
    ).text
    assert "[HIGH] Done" in text
    assert "One\nTwo" in text
    assert "findings  HIGH 2, LOW 0" in text
    assert "n         3" in text
    assert "l         1" in text


def test_the_severity_decides_the_form_and_its_word_is_always_there() -> None:
    texts = {severity: made(message="x", severity=severity).text for severity in FORMS}
    assert len(set(texts.values())) == len(FORMS)
    for severity, text in texts.items():
        assert f"{FORMS[severity].glyph} [{severity}] Done" in text
        assert text.startswith(FORMS[severity].rule * 60 + "\n")
        assert text.endswith("\n" + FORMS[severity].rule * 60)


def test_lists_tables_and_links_are_laid_out() -> None:
    rows = [
        {"severity": "HIGH", "place": {"file": "a.py", "line": 3}},
        {"severity": "LOW", "place": {"file": "\u4f60\u597d.py"}},
    ]
    text = made(
        message="",
        lists=[{"title": "Changed", "items": ["a.py", "b.py"]}],
        tables=[{"title": "Findings", "columns": ["severity", "place.file", "place.line"], "rows": rows}],
        links=[{"text": "Run", "url": "https://example.com/r/1"}],
    ).text
    assert "Changed:\n  * a.py\n  * b.py\n" in text
    assert "Findings:\nSEVERITY  FILE     LINE\nHIGH      a.py     3\nLOW       \u4f60\u597d.py  -\n" in text
    assert "\nRun: https://example.com/r/1\n" in text


def test_rows_that_are_lists_and_tables_without_rows_have_their_form() -> None:
    text = made(
        message="", tables=[{"columns": ["a", "b"], "rows": [[1, None], [2]]}, {"columns": ["c"], "rows": []}]
    )
    assert "A  B\n1  -\n2  -\n\nnone\n" in text.text


def test_hostile_text_commands_nothing_and_forges_no_line() -> None:
    evil = "v\nw\x1b[2J\u202e\u2066\x07\r\u2028\x9b"
    block = render(
        {
            "title": "a\nb\x1b[2J",
            "message": "x\x07\u202ey\r\nz",
            "facts": {"k\n[INFO] forged": evil},
            "lists": [{"title": evil, "items": [evil, {evil: evil}]}],
            "tables": [{"title": evil, "columns": ["c"], "rows": [{"c": evil}]}],
            "links": [{"text": evil, "url": "https://a"}],
        },
        {},
    )
    assert "[INFO] a\\nb\\x1b[2J" in block.text
    assert "x\\x07\\u202ey\nz" in block.text
    assert not any(line.startswith(("[INFO] forged", "w")) for line in block.lines)
    assert {char for char in block.text if unicodedata.category(char)[0] == "C"} <= {"\n"}


@given(st.text(max_size=300))
def test_no_text_puts_a_control_into_the_log(text: str) -> None:
    values = {"v": text, "l": [text]}
    one: Notification = {"title": text or "x", "template": "{v} {l|-}\n{#l}", "facts": {text: text}}
    shown = render(one, values).text
    assert not any(
        unicodedata.category(char)[0] == "C" or char in "\u2028\u2029" for char in shown.replace("\n", "")
    )
    assert shown == render(one, values).text


@pytest.mark.parametrize("char", ["m", "\u00e9", "\u4f60", "\U0001f600", "\\", '"'])
def test_everything_is_bounded_and_what_is_left_out_is_said(char: str) -> None:
    block = made(
        message=f"{char * 90}\n" * 100,
        facts={f"fact {number}": char * 9000 for number in range(200)},
        lists=[{"title": "Files", "items": list(range(500))}],
        tables=[{"columns": ["a"], "rows": [[number] for number in range(10_000)]}],
    )
    assert len(block.text) <= MAX_BLOCK
    frame = encode_header({"type": "log", "level": "info", "message": block.text, "fields": {"a": "b" * 500}})
    assert len(frame) < MAX_FRAME + 4096
    assert b'"cut"' not in frame
    left = {one.what: (one.shown, one.total) for one in block.left_out}
    assert left["facts"] == (50, 200)
    assert left["items of Files"] == (20, 500)
    assert left["rows"] == (20, 10_000)
    assert left["characters of the message"] == (4000, 9100)
    assert re.search(r"\.\.\. and \d+ more lines\n.{60}$", block.text)
    assert left["lines"][0] < left["lines"][1]


def test_wide_and_combining_characters_are_counted_as_they_look() -> None:
    assert (width("abc"), width("\u4f60\u597d"), width("e\u0301")) == (3, 4, 1)
