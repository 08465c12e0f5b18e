"""A notification says what it was given, and nothing to a terminal."""

from __future__ import annotations

from pathlib import Path

from airlock_agents.builtin.notifier.block import MAX_FACT, MAX_MESSAGE, render
from airlock_agents.builtin.notifier.main import agent
from airlock_sdk.testing import run_action


def test_a_block_has_title_message_and_facts() -> None:
    text = render("Done", "One\nTwo", "HIGH", {"findings": {"HIGH": 2, "LOW": 0}, "n": 3, "list": [1]})
    assert "[HIGH] Done" in text
    assert "One\nTwo" in text
    assert "findings  HIGH 2, LOW 0" in text
    assert "n         3" in text
    assert "list      [1]" in text


def test_hostile_text_commands_nothing_and_forges_no_line() -> None:
    text = render("a\nb\x1b[2J", "x\x07\u202ey\r\nz", "INFO", {"k\n[INFO] forged": "v\nw"})
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[INFO] a\\nb\\x1b[2J" in text
    assert "x\\x07\\u202ey\nz" in text
    assert not any(line.startswith("[INFO] forged") for line in text.splitlines())
    assert not any(line.startswith("w") for line in text.splitlines())


def test_everything_is_bounded() -> None:
    text = render("t" * 900, "m" * 90_000, "INFO", {f"fact {n}": "v" * 9000 for n in range(200)})
    assert len(text) < 400 + MAX_MESSAGE + 51 * (MAX_FACT + 60)
    assert "... and 150 more" in text


def test_notify_logs_the_text_and_answers_it(tmp_path: Path) -> None:
    inputs = {"channel": "console", "title": "Done", "message": "All well"}
    outcome = run_action(agent, "notify", inputs, scratch=tmp_path)
    assert outcome.output is not None
    assert outcome.output["delivered"] is True
    assert outcome.logs[0]["message"] == outcome.output["text"]
