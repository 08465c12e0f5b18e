"""Schemas derived from type hints: what they say, and that what binds is what they allow."""

from __future__ import annotations

import enum
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from airlock_orchestration.engine.schemas import Validator, check_schema, resolve_artifacts
from airlock_sdk import Agent, ArtifactReference, Bounds, Context
from airlock_sdk.schema import SchemaError, actions_of, schema_of
from airlock_sdk.testing import examples, run_action


@dataclass
class Part:
    name: Annotated[str, Bounds(min_length=1, max_length=5)]
    parts: list[Part] = field(default_factory=list)


class Options(TypedDict):
    workspace: ArtifactReference
    suffix: NotRequired[Annotated[str, Bounds(pattern=r"^\.[a-z]+$"), "Which files."]]
    mode: Literal["fast", "slow"] | None
    ratio: Annotated[float, Bounds(minimum=0, maximum=1)]


@dataclass
class Order:
    part: Part
    more: dict[str, Part]
    note: str | None = None
    extra: Any = None
    counts: Annotated[list[int], Bounds(max_items=3)] = field(default_factory=list)
    others: Sequence[Part] = ()
    named: Mapping[str, Sequence[Part]] = field(default_factory=dict)


class Colour(enum.Enum):
    RED = "red"


def test_a_typed_dict_becomes_a_closed_object() -> None:
    assert schema_of(Options) == {
        "type": "object",
        "additionalProperties": False,
        "required": ["workspace", "mode", "ratio"],
        "properties": {
            "workspace": {"$ref": "airlock:artifact"},
            "suffix": {"type": "string", "pattern": r"^\.[a-z]+$", "description": "Which files."},
            "mode": {"enum": ["fast", "slow", None]},
            "ratio": {"type": "number", "minimum": 0, "maximum": 1},
        },
    }


def test_a_dataclass_inside_another_stands_under_defs_once_also_in_a_circle() -> None:
    schema = schema_of(Order)
    part = {"$ref": "#/$defs/Part"}
    assert schema["properties"]["part"] == part
    assert schema["properties"]["more"] == {"type": "object", "additionalProperties": part}
    assert schema["$defs"]["Part"]["properties"]["parts"] == {"type": "array", "items": part}
    assert list(schema["$defs"]) == ["Part"]


def test_what_has_a_default_may_be_missing_from_an_input_and_never_from_an_answer() -> None:
    assert schema_of(Order)["required"] == ["part", "more"]
    assert schema_of(Order, answers=True)["required"] == [
        "part",
        "more",
        "note",
        "extra",
        "counts",
        "others",
        "named",
    ]


@pytest.mark.parametrize("record", [Options, Order, Part])
@pytest.mark.parametrize("answers", [False, True])
def test_a_derived_schema_can_be_registered_and_the_factories_meet_it(record: Any, answers: bool) -> None:
    schema = schema_of(record, answers=answers)
    assert check_schema(schema, "input") == []
    validator = Validator(resolve_artifacts(schema))
    assert [one for one in examples(schema, 30) if validator.problem(one)] == []


def test_every_value_that_a_derived_schema_allows_reaches_the_function_as_its_type(tmp_path: Path) -> None:
    agent = Agent()
    seen: list[Order] = []

    @agent.action("order")
    def order(inputs: Order, ctx: Context) -> Part:
        seen.append(inputs)
        return inputs.part

    schemas = actions_of(agent)["order"]
    assert schemas.input_schema is not None
    answer = Validator(schemas.output_schema or {})
    for value in examples(schemas.input_schema, 25, seed=4):
        outcome = run_action(agent, "order", value, scratch=tmp_path)
        assert outcome.failure is None
        assert answer.problem(outcome.output) is None
        assert isinstance(seen[-1].part, Part)
        listed = [one for parts in seen[-1].named.values() for one in parts]
        inner = [*seen[-1].more.values(), *seen[-1].part.parts, *seen[-1].others, *listed]
        assert all(isinstance(one, Part) for one in inner)
    assert any(one.others for one in seen)
    assert any(any(one.named.values()) for one in seen)


class Where(TypedDict):
    at: NotRequired[list[Annotated[tuple[int, int], "a pair"]]]


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (Where, r"\.at\[\]: tuple\[int, int\] has no JSON form; write list"),
        (list[Path], r"\[\]: Path has no JSON form; write str"),
        (Colour, r"Colour has no JSON form; write Literal"),
        (dict[int, str], "the keys of a JSON object are str, not int"),
        (Part | Order, "nobody can tell which dataclass of a union"),
        (Annotated[int, Bounds(max_length=3)], "max_length is no bound of integer"),
    ],
)
def test_a_hint_without_a_json_form_is_refused_with_its_place(hint: Any, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        schema_of(hint)


def test_a_plain_dict_says_nothing_and_a_number_is_no_document() -> None:
    agent = Agent()

    @agent.action("any")
    def anything(inputs: dict[str, object], ctx: Context) -> dict[str, object]:
        """Take anything. And more."""
        return {}

    said = actions_of(agent)["any"]
    assert (said.input_schema, said.output_schema) == (None, None)
    assert said.as_manifest()["input_schema"] == {"type": "object"}
    assert said.description == "Take anything. And more."

    @agent.action("number")
    def number(inputs: dict[str, object], ctx: Context) -> int:
        return 1

    with pytest.raises(SchemaError, match="number: the answer is an object"):
        actions_of(agent)


MAIN = """
from typing import TypedDict
from airlock_sdk import Agent, Context
print("hello from the import")
agent = Agent()
class In(TypedDict):
    text: str
@agent.action("shout")
def shout(inputs: In, ctx: Context) -> In:
    '''Say it aloud.'''
    return inputs
if __name__ == "__main__":
    agent.run()
"""


@pytest.mark.parametrize("named", ["main", "main.py"])
def test_the_command_prints_the_schemas_of_a_modules_agent(tmp_path: Path, named: str) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, "-m", "airlock_sdk.manifest", named, "--manifest"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    action = json.loads(done.stdout)["actions"]["shout"]
    assert action["description"] == "Say it aloud."
    assert action["input_schema"]["properties"] == {"text": {"type": "string"}}
    assert done.stderr == "hello from the import\n"


def test_the_command_says_what_it_does_not_find(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    for arguments, code, said in ((["main"], 1, "has 0 agents"), ([], 2, "usage:")):
        command = [sys.executable, "-m", "airlock_sdk.manifest", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, said in done.stderr) == (code, True)
