"""A large file is searched as a small one is, but for a while, and what is not reached is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import pytest
from airlock_agents.builtin.findings import large_files
from airlock_agents.builtin.findings.detected import Detected, finding_of
from airlock_agents.builtin.findings.finding import Finding
from airlock_agents.builtin.findings.large_files import LargeFiles

PADDING = "a line of words\n" * 3_000
KINDS = {"KEY": "private-key", "LOGIN": "secret-keyword", "NOISE": "hex-high-entropy-string"}
Found = list[tuple[int, str, str]]


class Words:
    """Takes three words for secrets."""

    def plainly(self, path: str, lines: Iterable[str], *, guess: bool = True) -> list[Detected]:
        return [
            Detected(KINDS[word], number, example="example" in line, prose=False)
            for number, line in enumerate(lines, start=1)
            for word in re.findall("KEY|LOGIN|NOISE", line)
            if guess or word != "NOISE"
        ]

    def finding(self, detected: Sequence[Detected], shown: str, lines: list[str]) -> Finding:
        return finding_of(detected, shown, lines, data=False, suppressed=False)


def searched(folder: Path, text: str, *, binary: bool = False) -> tuple[Found, str | None]:
    (folder / "t").write_text(text)
    found, cut = LargeFiles(Words(), clock=lambda: 0.0).check(folder / "t", "t", "t", binary=binary)
    return [(one.line, one.rule, one.severity) for one in found], cut


BODY = "MIIEpAIBAAKCAQEAzq8rt2wxn5lbvc7kdpf3hj\n"


def test_what_stands_behind_the_padding_is_found_on_its_line(tmp_path: Path) -> None:
    found, cut = searched(tmp_path, PADDING + "LOGIN\n" + PADDING + "KEY\n" + BODY)
    assert found == [(3_001, "secret-keyword", "HIGH"), (6_002, "private-key", "CRITICAL")]
    assert cut is None


def test_a_key_is_told_from_a_bare_header_also_across_the_border_of_blocks(tmp_path: Path) -> None:
    for lines in range(370, 420):
        found, _ = searched(tmp_path, "x\n" * lines + "KEY\n" + BODY + PADDING)
        assert found == [(lines + 1, "private-key", "CRITICAL")], lines
        found, _ = searched(tmp_path, "x\n" * lines + "KEY\n" + PADDING)
        assert found == [(lines + 1, "private-key", "LOW")], lines


def test_two_secrets_on_one_long_line_make_one_finding_the_louder(tmp_path: Path) -> None:
    far = "x;" * 200_000
    found, _ = searched(tmp_path, "LOGIN example" + far + "KEY " + BODY + PADDING)
    assert found == [(1, "private-key", "CRITICAL")]


def test_many_random_strings_are_data_and_hide_no_password(tmp_path: Path) -> None:
    found, _ = searched(tmp_path, "NOISE\n" * 5_000 + "LOGIN\n")
    assert found[-1] == (5_001, "secret-keyword", "HIGH")
    assert {severity for _, rule, severity in found if rule == "hex-high-entropy-string"} == {"LOW"}
    assert 20 <= len(found) < 500
    few, _ = searched(tmp_path, PADDING + "NOISE\n" * 3)
    assert [severity for _, _, severity in few] == ["LOW"] * 3


def test_in_a_binary_only_what_is_no_chance_counts(tmp_path: Path) -> None:
    found, _ = searched(tmp_path, "\0\1KEY\n\0" + PADDING + "\0LOGIN\0NOISE\0\nKEY\n" + BODY, binary=True)
    assert found == [(3_003, "private-key", "CRITICAL")]


def test_a_flood_of_samples_hides_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "MAX_FOUND", 1_000)
    found, cut = searched(tmp_path, "LOGIN example\n" * 3_000 + "LOGIN\n")
    assert (len(found), found[-1], cut) == (1_001, (3_001, "secret-keyword", "HIGH"), None)
    found, cut = searched(tmp_path, "LOGIN\n" * 9_000)
    assert 2_000 <= len(found) < 3_000
    assert cut == f"for secrets only up to line {len(found) + 1}: too many before it"


def test_where_time_ends_is_told_and_so_is_that_none_is_left_for_the_next(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("LOGIN\n" + PADDING + "LOGIN\n")
    seconds = count(0.0, 6.0)
    files = LargeFiles(Words(), clock=lambda: next(seconds))
    cuts = []
    for _ in range(15):
        found, cut = files.check(tmp_path / "t", "t", "t")
        cuts.append(str(cut))
        assert len(found) <= 1
    assert cuts[0] == "for secrets only up to line 4: no time was left"
    assert cuts[-1] == "for secrets only up to line 1: no time was left"


def test_slow_lines_within_a_block_cost_what_stands_behind_them_alone(tmp_path: Path) -> None:
    now = 0.0

    class Slow(Words):
        def plainly(self, path: str, lines: Iterable[str], *, guess: bool = True) -> list[Detected]:
            return super().plainly(path, map(self.looked_at, lines), guess=guess)

        def looked_at(self, line: str) -> str:
            nonlocal now
            now += 5.0 * ("slow" in line)
            return line

    (tmp_path / "t").write_text("LOGIN\n" + "slow\n" * 26 + "LOGIN\n")
    found, cut = LargeFiles(Slow(), clock=lambda: now).check(tmp_path / "t", "t", "t")
    assert [one.line for one in found] == [1]
    assert cut == "for secrets only up to line 7: no time was left"
    assert now == 25.0  # less than a file may take in all, after which nothing of it is kept
