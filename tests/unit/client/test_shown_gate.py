"""A gate as a person sees it: the input whole, nothing hidden, nothing acted on by the terminal."""

import hashlib
import json

import pytest
from airlock_client.show.gate import diff_or_text, show_approval, shown_input
from shown_runs import approval, screen

DIFF = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-print([1])\n+print([2])\n"


def shown(width: int = 80, **more: object) -> str:
    console, written = screen(width)
    show_approval(console, approval(**more))
    return written.getvalue()


def test_it_names_agent_action_run_hash_expiry_and_what_the_hash_covers() -> None:
    text = shown()
    for wanted in (
        "patcher@1.0.0",
        "apply",
        "ab" * 32,
        "ada",
        "2026-01-02 04:04:05Z, then: reject",
        "input bytes",
    ):
        assert wanted in text


def test_the_input_is_shown_whole_with_its_size_and_hash() -> None:
    raw = json.dumps({"diff": DIFF, "channel": "[bold]x[/bold]"})
    text = shown(input=raw)
    assert all(line in text for line in DIFF.splitlines())
    assert "[bold]x[/bold]" in text
    assert f"{len(raw)} bytes, sha256 {hashlib.sha256(raw.encode()).hexdigest()}" in text


def test_a_member_that_is_the_preview_is_named_and_not_repeated() -> None:
    raw = json.dumps({"diff": DIFF})
    text = shown(input=raw, preview=DIFF)
    assert text.count("+print([2])") == 1
    assert "the preview above, byte for byte" in text
    assert hashlib.sha256(DIFF.encode()).hexdigest() in text


def test_a_member_with_which_the_preview_ends_is_named_by_the_line_where_it_starts() -> None:
    raw = json.dumps({"diff": DIFF, "word": "print"})
    text = shown(100, input=raw, preview=f"Mends 1 finding.\n\n{DIFF}")
    assert text.count("+print([2])") == 1
    assert "diff: the preview above from its line 3 on, byte for byte" in text
    assert hashlib.sha256(DIFF.encode()).hexdigest() in text
    assert 'word: "print"' in text  # too short to be looked for above
    assert shown(input=raw, preview=f"Mends 1 finding. {DIFF}").count("+print([2])") == 2


def test_a_diff_behind_words_has_its_colours() -> None:
    styles = [str(span.style) for span in diff_or_text(f"- one\n{DIFF}").spans]
    assert styles == [str(span.style) for span in diff_or_text(DIFF).spans]


def test_a_member_that_differs_from_the_preview_by_one_byte_is_shown() -> None:
    text = shown(input=json.dumps({"diff": DIFF + " "}), preview=DIFF)
    assert text.count("+print([2])") == 2
    assert "byte for byte" not in text


def test_the_preview_is_labelled_as_the_authors_view() -> None:
    assert "the workflow author's view" in shown(preview="all is well")


def test_no_line_of_ours_is_wider_than_the_screen() -> None:
    text = shown(80, preview=DIFF, input="{}")
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_diff_can_be_copied_as_it_is() -> None:
    lines = diff_or_text(DIFF + "+" + "x" * 300).plain.splitlines()
    assert lines == [*DIFF.splitlines(), "+" + "x" * 300]


@pytest.mark.parametrize("nasty", ["\x1b[2J", "\x9b31m", "a\rb", "\u202etxt", "\x07", "\u200b"])
def test_controls_in_preview_and_input_are_spelled_out(nasty: str) -> None:
    text = shown(preview=f"fine {nasty}", input=json.dumps({"a": nasty, f"k{nasty}": 1}, ensure_ascii=False))
    assert nasty not in text
    assert f"\\x{ord(nasty.strip('ab')[0]):02x}" in text


@pytest.mark.parametrize("raw", ["[1, 2]", '"text"', "12"])
def test_an_input_that_is_no_object_is_shown_as_it_is(raw: str) -> None:
    assert shown_input(raw).plain == raw


def test_an_empty_preview_says_so() -> None:
    assert "(empty)" in shown(preview="")
