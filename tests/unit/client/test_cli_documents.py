"""What people hand over on the command line: contexts, settings, files."""

import os
from pathlib import Path

import pytest
from airlock_client.cli import documents
from airlock_client.cli.documents import read_context, read_document, read_setting
from airlock_client.cli.edge import CommandError
from airlock_client.demo.summary import changes
from airlock_client.exits import Exit


def test_a_context_is_a_json_object_or_a_file_with_one(tmp_path: Path) -> None:
    (tmp_path / "context.json").write_text('{"a": "ü"}')
    assert read_context(None) == {}
    assert read_context('{"a": [1]}') == {"a": [1]}
    assert read_context(f"@{tmp_path / 'context.json'}") == {"a": "ü"}


TWICE = '{"a": 1, "a": 2}'
HALF = r'{"a": "\ud800"}'


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '"x"', "[" * 100_000, TWICE, HALF, '{"a": NaN}', '{"a": 1e999}']
)
def test_another_context_is_a_usage_error(text: str) -> None:
    with pytest.raises(CommandError) as raised:
        read_context(text)
    assert raised.value.code is Exit.USAGE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=x", "x"),
        ('a={"b": null}', {"b": None}),
        ("a=", ""),
        ("a=b=c", "b=c"),
        ("a=true", True),
        ("a=1.5", 1.5),
        ("a=-2", -2),
        # A commit, a version, a number as nobody would get it back: these are texts.
        ("a=7e12345", "7e12345"),
        ("a=1234e56", "1234e56"),
        ("a=1.10", "1.10"),
        ("a=007", "007"),
        ("a=NaN", "NaN"),
        ("a=-Infinity", "-Infinity"),
        ("a=" + "9" * 5000, "9" * 5000),
        (r'a="\ud800"', r'"\ud800"'),
    ],
)
def test_a_setting_is_json_where_it_is_json(text: str, value: object) -> None:
    assert read_setting(text) == ("a", value)


def test_bytes_that_are_no_text_are_refused_where_they_stand(tmp_path: Path) -> None:
    latin = '{"city": "Zürich"}'.encode("latin-1")
    (tmp_path / "context.json").write_bytes(latin)
    for text in (f"@{tmp_path / 'context.json'}", os.fsdecode(latin)):
        with pytest.raises(CommandError, match="not UTF-8 at byte 11") as raised:
            read_context(text)
        assert raised.value.code is Exit.USAGE
    with pytest.raises(CommandError, match="not UTF-8 at byte 6"):
        read_setting(os.fsdecode("city=Zürich".encode("latin-1")))


@pytest.mark.parametrize("text", ["a", "=1", ""])
def test_a_setting_without_a_name_or_sign_is_a_usage_error(text: str) -> None:
    with pytest.raises(CommandError):
        read_setting(text)


def test_a_file_that_is_not_there_or_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match=r"absent\.yaml cannot be read"):
        read_document(tmp_path / "absent.yaml")
    monkeypatch.setattr(documents, "MAX_BYTES", 4)
    (tmp_path / "large.yaml").write_text("12345")
    with pytest.raises(CommandError, match=r"large\.yaml is larger"):
        read_document(tmp_path / "large.yaml")


def test_a_diffs_files_are_counted_and_its_content_is_not_taken_for_headers() -> None:
    diff = (
        "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n"
        "--- a line that began with two dashes\n+++ one with two pluses\n+new\n"
        "diff --git a/y.py b/y.py\n--- a/y.py\n+++ b/y.py\n@@ -1 +0,0 @@\n-gone\n"
    )
    assert changes(diff) == [("x.py", 2, 1), ("y.py", 0, 1)]
    assert changes("") == []
    for odd in ("\x0c", "\x1c", "\u2028", "\r"):  # ends no line of a diff
        forged = f"diff --git a/x b/x\n@@ -1,1 +1,2 @@\n x{odd}diff --git a/y b/y\n+{odd}+new\n"
        assert changes(forged) == [("x", 1, 0)]
