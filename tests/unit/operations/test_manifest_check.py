"""A folder is judged before it is built or tried exactly as registration judges its manifest."""

import json
from pathlib import Path

import pytest
from airlock_orchestration.check import main, read_manifest

GOOD = """\
name: echo
version: 0.1.0
type: SCRIPT
description: 2024-01-01
image: echo
actions: {go: {input_schema: {type: object}, output_schema: {type: object}}}
"""
LATE = "description: 2024-13-45"
DEEP = "a: " + "[" * 5000
REFERENCE = {"artifact": "sha256:" + "e" * 64, "size": -1, "media_type": "a/b"}


@pytest.fixture
def no_blocking_call() -> None:
    """A command that reads files."""


def test_a_manifest_is_read_as_registration_reads_it() -> None:
    manifest, findings = read_manifest(GOOD.encode())
    assert not findings
    assert manifest is not None
    assert manifest.description == "2024-01-01"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOD + 'limits: {memory_mb: "512"}\n', "field.int_type"),
        (GOOD + "name: echo\n", "yaml.duplicate_key"),
        (GOOD + "limits: &limits {pids: 20}\n", "yaml.alias"),
        (GOOD + "command: !!python/name:os.system []\n", "yaml.tag"),
        (LATE, "field.missing"),
        (DEEP, "yaml.too_deep"),
        ("a: 0x" + "9" * 5000, "field.missing"),
        ("", "yaml.empty"),
        ("[" * 3, "yaml.syntax"),
        ("\ufeff\x07", "yaml.syntax"),
        (GOOD.replace("type: object}}", "type: objekt}}", 1), "schema.invalid"),
        (GOOD + "# " + "x" * 1024 * 1024, "document.too_large"),
    ],
)
def test_whatever_stands_in_a_manifest_is_told_and_never_raised(text: str, code: str) -> None:
    manifest, findings = read_manifest(text.encode("utf-8", "surrogatepass"))
    assert manifest is None
    assert code in {finding.code for finding in findings}


def test_a_manifest_that_is_no_text_is_told() -> None:
    assert [one.code for one in read_manifest(b"\xff\xfe\x00")[1]] == ["yaml.encoding"]


def test_an_artifact_that_an_input_names_wrongly_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agent.yaml").write_text(GOOD)
    (tmp_path / "input.json").write_text(json.dumps({"x": REFERENCE}))
    asked = [str(tmp_path / "agent.yaml"), "--action", "go", "--input", str(tmp_path / "input.json")]
    assert main(asked) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["failure"]["code"] == "input.schema_mismatch"
    assert "malformed" in answer["failure"]["message"]


def test_an_action_that_the_manifest_lacks_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agent.yaml").write_text(GOOD)
    assert main([str(tmp_path / "agent.yaml"), "--action", "fly"]) == 1
    assert "echo has no action fly" in capsys.readouterr().err
