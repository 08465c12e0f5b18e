"""An agent's manifest is kept in step with its functions, and stays its author's."""

import copy
from typing import Any

import pytest
import yaml
from airlock_client.scaffold.agreement import disagreements
from airlock_client.scaffold.manifest_text import CannotWrite, with_schemas

DERIVED: dict[str, dict[str, Any]] = {
    "count": {
        "description": "Count.",
        "input_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["workspace", "suffix"],
            "properties": {
                "workspace": {"$ref": "airlock:artifact"},
                "suffix": {"type": "string", "maxLength": 10},
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
MANIFEST = """\
# mine
name: x
version: 1.0.0
actions:
  # what it is for
  count:
    description: By hand.  # as people say it
    # somebody must look at it first
    risk_level: APPROVAL_REQUIRED
    input_schema: {type: object}
    # what it answers
    output_schema:
      type: object
      # goes with the schema
      additionalProperties: true

  # goes with the action
  gone: {input_schema: {}, output_schema: {}}

# what it may use
limits: {memory_mb: 64}
type: SCRIPT  # behind the block
"""


def test_schemas_are_written_and_the_rest_stays_as_it_was_written() -> None:
    text = with_schemas(MANIFEST, DERIVED)
    above, below = MANIFEST.partition("    input_schema")[0], MANIFEST[MANIFEST.index("\n# what it may") :]
    assert text.startswith(above)
    assert text.endswith(below)
    assert "\n    # what it answers\n    output_schema:\n      type: object\n" in text
    assert "goes with the schema" not in text
    actions = yaml.safe_load(text)["actions"]
    assert list(actions) == ["count"]
    assert (actions["count"]["description"], actions["count"]["risk_level"]) == (
        "By hand.",
        "APPROVAL_REQUIRED",
    )
    assert disagreements(DERIVED, actions) == []
    assert with_schemas(text, DERIVED) == text


def test_a_schema_that_is_as_derived_keeps_its_layout_and_its_comments() -> None:
    written = with_schemas(MANIFEST, DERIVED)
    layout = "output_schema:  # of a few words\n      # first the type\n      "
    mine = written.replace("output_schema:\n      ", layout).replace(
        "integer", "'integer'  # not a float\n", 1
    )
    assert with_schemas(mine, DERIVED) == mine
    derived = copy.deepcopy(DERIVED)
    derived["count"]["input_schema"]["required"] = ["suffix"]
    changed = with_schemas(mine, derived)
    assert mine[mine.index("    # what it answers") :] in changed
    assert yaml.safe_load(changed)["actions"]["count"]["input_schema"]["required"] == ["suffix"]


def test_lines_end_as_they_did() -> None:
    windows = MANIFEST.replace("\n", "\r\n")
    assert with_schemas(windows, DERIVED) == with_schemas(MANIFEST, DERIVED).replace("\n", "\r\n")


def test_lines_that_end_in_two_ways_are_not_made_to_end_in_one() -> None:
    with pytest.raises(CannotWrite, match="some lines with CRLF and some with LF"):
        with_schemas(MANIFEST.replace("\n", "\r\n", 1), DERIVED)


def test_a_new_action_comes_last_with_the_words_of_its_function() -> None:
    derived: dict[str, Any] = {**DERIVED, "gone": {}, "later": DERIVED["count"]}
    text = with_schemas(MANIFEST, derived)
    actions = yaml.safe_load(text)["actions"]
    assert list(actions) == ["count", "gone", "later"]
    assert actions["later"] == DERIVED["count"]
    assert "# goes with the action\n  gone:" in text
    assert text.endswith(MANIFEST[MANIFEST.index("\n# what it may") :])


def test_a_description_that_nobody_wrote_is_the_functions() -> None:
    bare = "actions:\n  count:\n    # why\n    output_schema: {}\n    input_schema: {}\n"
    text = with_schemas(bare, DERIVED)
    assert "\n    # why\n    description: Count.\n    output_schema:" in text


@pytest.mark.parametrize(
    "text",
    [
        "actions: {count: {input_schema: {}, output_schema: {}}}\nname: x\n",
        "actions:\n  count: {input_schema: {}, output_schema: {}}\nname: x\n",
        "actions:\n  count: &one\n    input_schema: &in {}\n    output_schema: *in\nname: x\n",
        "actions: &all\n  count:\n    input_schema: |\n      # text\n    output_schema: {}\nname: x\n",
        "actions:\n  count:\n    output_schema: {}\n    input_schema: {}",
    ],
)
def test_whatever_the_layout_the_schemas_are_the_functions_afterwards(text: str) -> None:
    changed = with_schemas(text, DERIVED)
    assert yaml.safe_load(changed)["actions"] == DERIVED
    assert {**yaml.safe_load(changed), "actions": 0} == {**yaml.safe_load(text), "actions": 0}


@pytest.mark.parametrize(
    "text", ["{name: x, actions: {}}", "name: x\n", "actions: [1]\n", '"actions": {}\n', "actions: {\n}\n"]
)
def test_a_manifest_that_is_laid_out_otherwise_is_left_alone(text: str) -> None:
    with pytest.raises(CannotWrite):
        with_schemas(text, DERIVED)
