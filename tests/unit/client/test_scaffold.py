"""The first files of an agent, its manifest kept in step with its functions, and what is refused."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from airlock_client.cli.application import app
from airlock_client.cli.edge import invoke
from airlock_client.exits import Exit
from airlock_client.scaffold.agreement import disagreements
from airlock_client.scaffold.manifest_text import CannotWrite, with_schemas
from airlock_client.scaffold.project import CannotScaffold, write_project
from airlock_contracts.manifest import Manifest
from airlock_contracts.statuses import Protocol
from airlock_orchestration.engine.manifests import check_manifest

DERIVED = {
    "count": {
        "description": "Count.",
        "input_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["workspace", "suffix"],
            "properties": {
                "workspace": {"$ref": "airlock:artifact"},
                "suffix": {"type": "string", "maxLength": 10},
                "mode": {"enum": ["fast", "slow"]},
                "tree": {"$ref": "#/$defs/Tree"},
            },
            "$defs": {
                "Tree": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"inner": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                }
            },
        },
        "output_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["lines"],
            "properties": {"lines": {"type": "integer"}, "note": {"type": ["string", "null"]}},
        },
    }
}


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_new_agent_could_be_registered_and_passes_its_own_test(tmp_path: Path, protocol: Protocol) -> None:
    made = write_project("line-counter", tmp_path / "agent", protocol)
    manifest = Manifest.model_validate(yaml.safe_load((made.folder / "agent.yaml").read_text()))
    assert (manifest.name, manifest.protocol, check_manifest(manifest)) == ("line-counter", protocol, [])
    assert sorted(path.name for path in made.folder.iterdir()) == sorted(made.files)
    assert json.loads((made.folder / "input.json").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "test_main.py"],
        cwd=made.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Line_Counter", "such as line-counter"),
        ("-x", "such as x"),
        ("a" * 64, "at most 63"),
        ("…", "not '…'"),
    ],
)
def test_a_name_that_no_agent_can_have_is_refused_with_one_that_would_do(
    tmp_path: Path, name: str, better: str
) -> None:
    with pytest.raises(CannotScaffold, match=better):
        write_project(name, tmp_path / "agent", Protocol.STDIO)
    assert not (tmp_path / "agent").exists()


def test_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "main.py").write_text("precious")
    assert invoke(app, ["agents", "new", "mine"]) == Exit.USAGE
    assert "mine has main.py already; nothing was written" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["main.py"]
    assert (tmp_path / "mine" / "main.py").read_text() == "precious"


def test_new_says_the_next_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(app, ["agents", "new", "mine", "--dir", "here"]) == Exit.OK
    said = capfd.readouterr().out
    assert "cd here" in said
    assert "airlock agents try . --input input.json --workspace ." in said


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is found where a manifest, at first as derived, was changed."""
    written = copy.deepcopy(DERIVED)
    change(written["count"])
    return disagreements(DERIVED, written)


def test_what_was_derived_agrees_and_so_does_what_is_narrower() -> None:
    assert disagreements(DERIVED, DERIVED) == []
    assert (
        changed(lambda one: one["input_schema"]["properties"]["suffix"].update(maxLength=5, pattern="^a"))
        == []
    )
    assert changed(lambda one: one["input_schema"]["required"].append("mode")) == []
    assert changed(lambda one: one["input_schema"]["properties"].pop("mode")) == []  # nobody can give it
    assert changed(lambda one: one["input_schema"]["properties"].update(mode={"enum": ["fast"]})) == []
    assert changed(lambda one: one["output_schema"]["properties"]["lines"].update(minimum=0)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda one: one["input_schema"]["properties"].pop("suffix"),
            "input_schema.suffix: agent.yaml lacks it",
        ),
        (
            lambda one: one["input_schema"]["properties"].update(sufix={}),
            "input_schema.sufix: the function does not know it",
        ),
        (
            lambda one: one["input_schema"]["properties"]["suffix"].update(type="integer"),
            "input_schema.suffix: is string in the function, integer in agent.yaml",
        ),
        (
            lambda one: one["input_schema"]["properties"]["suffix"].update(maxLength=11),
            "input_schema.suffix: has maxLength 10 in the function, 11 in agent.yaml",
        ),
        (
            lambda one: one["input_schema"]["required"].remove("suffix"),
            "input_schema.suffix: the function needs it",
        ),
        (
            lambda one: one["input_schema"]["properties"]["mode"]["enum"].append("odd"),
            "input_schema.mode: is one of ['fast', 'slow'] in the function",
        ),
        (
            lambda one: one["input_schema"]["properties"].update(workspace={"type": "object"}),
            "input_schema.workspace: is an artifact in the function",
        ),
        (
            lambda one: one["input_schema"].pop("additionalProperties"),
            "input_schema: the function takes no other properties",
        ),
        (
            lambda one: one["input_schema"]["$defs"]["Tree"]["properties"]["inner"].update(type="string"),
            "input_schema.tree.inner: is array in the function",
        ),
        (
            lambda one: one["output_schema"]["required"].append("note"),
            "output_schema.note: is required here; the function may leave it out",
        ),
        (
            lambda one: one["output_schema"]["properties"]["note"].update(type="string"),
            "output_schema.note: is null or string in the function, string in agent.yaml",
        ),
    ],
)
def test_what_differs_is_said_with_its_place(change: Callable[[dict[str, Any]], object], said: str) -> None:
    found = changed(change)
    assert len(found) == 1
    assert found[0].startswith(f"actions.count.{said}")


def test_an_answer_that_agent_yaml_does_not_speak_of_is_none() -> None:
    found = changed(lambda one: one["output_schema"]["properties"].pop("note"))
    assert found == ["actions.count.output_schema.note: agent.yaml lacks it"]


def test_a_type_that_holds_itself_twice_is_compared_once() -> None:
    tree = {"type": "object", "properties": {side: {"$ref": "#/$defs/Tree"} for side in ("left", "right")}}
    schema = {"type": "object", "properties": {"root": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree}}
    actions = {"go": {"input_schema": {"type": "object"}, "output_schema": schema}}
    assert disagreements(actions, copy.deepcopy(actions)) == []


def test_an_action_on_one_side_only_is_found() -> None:
    assert disagreements(DERIVED, {}) == ["actions.count: agent.yaml lacks it"]
    assert disagreements({}, DERIVED) == ["actions.count: main has no such action"]


MANIFEST = """\
# mine
name: x
version: 1.0.0
actions:
  # a comment that goes with the block
  count:
    description: By hand.
    risk_level: APPROVAL_REQUIRED
    input_schema: {type: object}
    output_schema: {type: object}

  gone: {input_schema: {}, output_schema: {}}

# what it may use
limits: {memory_mb: 64}
type: SCRIPT  # behind the block
"""


def test_schemas_are_written_and_the_rest_stays_as_it_was_written() -> None:
    text = with_schemas(MANIFEST, DERIVED)
    assert text.startswith("# mine\nname: x\n")
    assert "a comment that goes with the block" not in text
    assert text.endswith(MANIFEST[MANIFEST.index("\n# what it may use") :])
    actions = yaml.safe_load(text)["actions"]
    assert list(actions) == ["count"]
    assert (actions["count"]["description"], actions["count"]["risk_level"]) == (
        "By hand.",
        "APPROVAL_REQUIRED",
    )
    assert disagreements(DERIVED, actions) == []
    assert with_schemas(text, DERIVED) == text


@pytest.mark.parametrize(
    "text", ["{name: x, actions: {}}", "name: x\n", "actions: [1]\n", '"actions": {}\n', "actions: {\n}\n"]
)
def test_a_manifest_that_is_laid_out_otherwise_is_left_alone(text: str) -> None:
    with pytest.raises(CannotWrite):
        with_schemas(text, DERIVED)
